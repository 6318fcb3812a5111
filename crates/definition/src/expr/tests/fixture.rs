//! A small app made by hand, so that these tests do not depend on the reader of files.

use std::sync::Arc;

use crate::expr::{Fault, Place, Printed, Purpose, parse, print, print_grouped};
use crate::model::*;

/// Where an expression of a test stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A guard of an order, row `new`.
    Order,
    /// A guard of a client, row `new`.
    Client,
    /// A value set by a settlement, row `new`.
    Settlement,
    /// A computed field of a line, row `l`, parent `new`.
    Line,
    /// A computed field of a line whose parent has no alias.
    LonelyLine,
    /// A step of the calculator after `landed` and `unit_price`, read as of the parent's `priced_on`.
    Step,
    /// A CHECK of an order.
    Check,
    /// A rollup of an order, grouped by the line's VAT category.
    PerCategory,
    /// A set of clients, row `r`.
    Set,
}

pub fn at() -> Span {
    Span { file: Arc::from("entities/order.yaml"), line: 1, column: 1, offset: 0, len: 0 }
}

pub fn expr(text: &str) -> Expr {
    Expr { text: text.to_owned(), at: at() }
}

pub fn compile(place: At, text: &str) -> Result<Printed, Fault> {
    let app = app();
    let steps = ["landed".to_owned(), "unit_price".to_owned()];
    let on = match place {
        At::Step => Some("new.priced_on"),
        _ => None,
    };
    let (entity, child, row, parent) = match place {
        At::Order | At::PerCategory => ("order", None, "new", None),
        At::Client => ("client", None, "new", None),
        At::Set => ("client", None, "r", None),
        At::Settlement => ("settlement", None, "new", None),
        At::Line | At::Step => ("order", Some("lines"), "l", Some("new")),
        At::LonelyLine => ("order", Some("lines"), "l", None),
        At::Check => ("order", None, "", None),
    };
    let place_of = Place {
        app: &app,
        entity: &app.entities[entity],
        child,
        row,
        parent,
        steps: if place == At::Step { &steps } else { &[] },
        on,
        purpose: match place {
            At::Check => Purpose::Check,
            At::Step => Purpose::Step,
            At::Line | At::LonelyLine => Purpose::Computed,
            At::PerCategory => Purpose::Rollup,
            At::Set => Purpose::IdSet,
            _ => Purpose::Guard,
        },
    };
    let parsed = parse(&expr(text))?;
    match place {
        At::PerCategory => print_grouped(&parsed, &["vat_category".to_owned()], &place_of),
        _ => print(&parsed, &place_of),
    }
}

fn field(kind: FieldKind) -> Field {
    Field {
        at: at(),
        label: Texts::new(),
        kind,
        required: false,
        unique: false,
        default: None,
        derived: None,
        check: None,
        personal: false,
    }
}

fn fields<const N: usize>(kinds: [(&str, FieldKind); N]) -> Named<Field> {
    kinds.into_iter().map(|(name, kind)| (name.to_owned(), field(kind))).collect()
}

fn values(names: &[&str]) -> FieldKind {
    FieldKind::Enum(names.iter().map(|name| (*name).to_owned()).collect())
}

fn states(names: &[&str]) -> Named<State> {
    let state = |name: &&str| {
        let state = State {
            at: at(),
            label: Texts::new(),
            initial: false,
            end: false,
            claim: false,
            owner: None,
            wait: Wait::Unstated,
            required: vec![],
        };
        ((*name).to_owned(), state)
    };
    names.iter().map(state).collect()
}

fn entity(name: &str, fields: Named<Field>, names: &[&str]) -> (String, Entity) {
    let entity = Entity {
        name: name.to_owned(),
        at: at(),
        label: Texts::new(),
        reference: None,
        fields,
        children: Named::new(),
        states: states(names),
        transitions: Named::new(),
        access: Named::new(),
        exclusions: Named::new(),
        uniques: Named::new(),
    };
    (name.to_owned(), entity)
}

fn order() -> (String, Entity) {
    use FieldKind::*;
    let (name, mut order) = entity(
        "order",
        fields([
            ("client", Ref("client".to_owned())),
            ("rep", Member),
            ("title", Text),
            ("priority", values(&["normal", "urgent"])),
            ("currency", Currency),
            ("priced_on", Date),
            ("discount_pct", Percent),
            ("subtotal", Money),
            ("net", Money),
            ("vat", Money),
            ("gross", Money),
            ("deposit", Money),
            ("paid", Money),
            ("valid_until", Timestamp),
            ("tracking", Text),
            ("closed_on", Date),
            ("extra", Json),
            ("follows", Ref("order".to_owned())),
            ("values", Text),
        ]),
        &["inquiry", "quoting", "quoted", "shipped", "closed", "cancelled"],
    );
    order.reference = Some(Reference { prefix: "ORD-".to_owned(), width: 6, suffix: String::new() });
    let mut lines = fields([
        ("vertical", values(&["auto", "print", "logistics"])),
        ("quantity", Decimal),
        ("imported", Bool),
        ("vat_category", values(&["standard", "reduced"])),
        ("cost_eur", Decimal),
        ("weight_kg", Decimal),
        ("unit_price", Decimal),
        ("cost", Money),
        ("gross", Money),
        ("net", Money),
        ("supplier", Ref("client".to_owned())),
    ]);
    for name in ["unit_price", "cost", "gross"] {
        lines[name].derived = Some(Derived::Priced { calculator: "line_price".to_owned() });
    }
    let child = |fields| Child { at: at(), label: Texts::new(), fields };
    order.children.insert("lines".to_owned(), child(lines));
    order.children.insert("parcels".to_owned(), child(fields([("weight", Decimal)])));
    (name, order)
}

fn table(name: &str, matches: &[(&str, FieldKind)], values: &[&str], band: Option<&str>) -> (String, RuleTable) {
    let table = RuleTable {
        at: at(),
        label: Texts::new(),
        matches: matches.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect(),
        band: band.map(str::to_owned),
        values: values.iter().map(|name| ((*name).to_owned(), FieldKind::Decimal)).collect(),
        rows: vec![],
    };
    (name.to_owned(), table)
}

pub fn app() -> App {
    use FieldKind::*;
    let client = entity(
        "client",
        fields([
            ("name", Text),
            ("lang", values(&["en", "pl", "is"])),
            ("phone", Phone),
            ("credit_limit", Money),
            ("login", Member),
            ("country", Text),
        ]),
        &["active", "archived"],
    );
    let settlement =
        entity("settlement", fields([("rep", Member), ("month", Date), ("turnover", Money), ("payout", Money)]), &["open", "settled"]);
    App {
        name: "orders".to_owned(),
        label: Texts::new(),
        locales: vec!["en".to_owned()],
        currency: "ISK".to_owned(),
        time_zone: "Atlantic/Reykjavik".to_owned(),
        capabilities: Named::new(),
        roles: Named::new(),
        sets: Named::new(),
        entities: Named::from_iter([client, order(), settlement]),
        tables: Named::from_iter([
            table("fx", &[("currency", Currency)], &["rate"], None),
            table("vat_rate", &[("category", values(&["standard", "reduced"]))], &["rate"], None),
            table("commission_rate", &[("vertical", Text)], &["basis", "rate"], None),
            table("tiers", &[("above", Integer)], &["rate"], Some("above")),
            table("freight", &[("zone", Text), ("kind", Text)], &["amount"], None),
        ]),
        calculators: Named::new(),
        connectors: Named::new(),
        inboxes: Named::new(),
        schedules: Named::new(),
        calendars: Named::new(),
        links: Named::new(),
        forms: Named::new(),
        places: Default::default(),
    }
}
