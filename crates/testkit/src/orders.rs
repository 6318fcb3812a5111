//! Orders of the example app in any of their states, made by real moves of the people who may make them.

use crate::app;
use crate::cluster::Cluster;
use crate::database::TestDatabase;
use crate::people::{BALTYK, NORDUR, Persona, Tenant};

/// The name of the app.
pub const APP: &str = "orders";

/// What an order is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Auto, print and logistics; the auto line is imported.
    Mixed,
    /// Two print lines, nothing imported.
    PrintOnly,
}

impl Kind {
    /// As the tables of expectations write it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Mixed => "mixed",
            Kind::PrintOnly => "print_only",
        }
    }

    /// The moves from `inquiry` on: verb, who makes it, the state it enters.
    fn path(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Kind::Mixed => &[
                ("start", "rep", "quoting"),
                ("quote", "rep", "quoted"),
                ("accept", "client", "accepted"),
                ("confirm", "admin", "confirmed"),
                ("source", "ops", "sourcing"),
                ("print", "ops", "production"),
                ("ship", "ops", "shipped"),
                ("to_customs", "broker", "customs"),
                ("clear", "broker", "out_for_delivery"),
                ("deliver", "ops", "delivered"),
                ("close", "admin", "closed"),
            ],
            Kind::PrintOnly => &[
                ("start", "rep", "quoting"),
                ("quote", "rep", "quoted"),
                ("accept", "client", "accepted"),
                ("confirm", "admin", "confirmed"),
                ("produce", "ops", "production"),
                ("ship", "ops", "shipped"),
                ("dispatch", "ops", "out_for_delivery"),
                ("deliver", "client", "delivered"),
                ("close", "admin", "closed"),
            ],
        }
    }
}

/// An order to be made: its title, by which tests find it, what it is made of, where it should stand.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Unique per tenant.
    pub title: String,
    /// What it is made of.
    pub kind: Kind,
    /// One of the thirteen.
    pub state: String,
}

/// A persona of the app.
#[must_use]
pub fn persona(tenant: Tenant, title: &str) -> Persona {
    Persona::named(APP, tenant, title)
}

/// A template in which `nordur` has an order in every state (titled `mixed/quoting`, `print_only/shipped` …), its second
/// salesperson one called `theirs`, and `baltyk` three of its own (`baltyk/quoting` …).
///
/// # Panics
/// When a legal move is refused.
#[must_use]
pub fn in_every_state(cluster: &Cluster) -> String {
    cluster.template("orders_in_every_state", |db| {
        app::build(cluster, db, &app::folder(APP));
        let mut wanted = Vec::new();
        for kind in [Kind::Mixed, Kind::PrintOnly] {
            for state in ["inquiry", "cancelled"].into_iter().chain(kind.path().iter().map(|step| step.2)) {
                wanted.push(Wanted { title: format!("{}/{state}", kind.word()), kind, state: state.into() });
            }
        }
        client(db, NORDUR, "Klettur", 1_000_000_000);
        make(db, NORDUR, &wanted);
        theirs(db);
        client(db, BALTYK, "Sowa", 1_000_000_000);
        let of = |state: &str| Wanted { title: format!("baltyk/{state}"), kind: Kind::Mixed, state: state.into() };
        make(db, BALTYK, &[of("quoting"), of("quoted"), of("shipped")]);
        for tenant in [NORDUR, BALTYK] {
            let month =
                format!("insert into orders_admin.settlement (rep, month) values ('{}', '2026-10-01')", persona(tenant, "rep").id());
            db.psql_as(&persona(tenant, "admin"), &month).ok();
        }
    })
}

/// A client of the first salesperson, who signs in as the first member in the role `client`.
///
/// # Panics
/// When it is refused.
pub fn client(db: &TestDatabase, tenant: Tenant, name: &str, credit_limit: i64) {
    let script = format!(
        "insert into orders_admin.client (name, lang, phone, credit_limit, rep, login) values ('{name}', 'is', '+3545550100', {credit_limit}, '{}', '{}')",
        persona(tenant, "rep").id(),
        persona(tenant, "client").id()
    );
    db.psql_as(&persona(tenant, "admin"), &script).ok();
}

/// Makes orders for the tenant's first client and moves each to where it should stand.
///
/// # Panics
/// When a legal move is refused, or an order does not arrive.
pub fn make(db: &TestDatabase, tenant: Tenant, wanted: &[Wanted]) {
    let rep = persona(tenant, "rep");
    let all: Vec<&str> = wanted.iter().map(|w| w.title.as_str()).collect();
    let of = |kind: Kind| wanted.iter().filter(move |w| w.kind == kind);
    let mut script = format!(
        "insert into orders_rep.\"order\" (client, title) select c.id, t.title from (select id from orders_rep.client order by id limit 1) c, unnest({}) t (title);\n",
        array(&all)
    );
    let mixed: Vec<&str> = of(Kind::Mixed).map(|w| w.title.as_str()).collect();
    let print: Vec<&str> = of(Kind::PrintOnly).map(|w| w.title.as_str()).collect();
    script.push_str(&lines(&mixed, "('auto', 'Brake discs', 4, 84.50, 6.2, true, null::numeric, null::numeric, null::numeric), ('print', 'Leaflets', 250, null, null, false, null, null, null), ('logistics', 'Pallet', 1, null, 310, false, 1.2, 1.0, 1.4)"));
    script.push_str(&lines(&print, "('print', 'Leaflets', 250, null::numeric, null::numeric, false, null::numeric, null::numeric, null::numeric), ('print', 'Cards', 500, null, null, false, null, null, null)"));
    db.psql_as(&rep, &script).ok();
    for kind in [Kind::Mixed, Kind::PrintOnly] {
        walk(db, tenant, kind, &of(kind).collect::<Vec<_>>());
    }
    let cancelled: Vec<&str> = wanted.iter().filter(|w| w.state == "cancelled").map(|w| w.title.as_str()).collect();
    db.psql_as(&rep, &format!("update orders_rep.\"order\" set fire = 'cancel', input = '{{\"cancel_reason\": \"changed their mind\"}}' where title = any ({})", array(&cancelled))).ok();
    for w in wanted {
        let stands =
            db.value_as(&persona(tenant, "admin"), &format!("select state from orders_admin.\"order\" where title = '{}'", w.title));
        assert_eq!(stands, w.state, "`{}` did not arrive", w.title);
    }
}

/// Fires the verbs of the path on those that go further, and writes what the next guard wants to see.
fn walk(db: &TestDatabase, tenant: Tenant, kind: Kind, wanted: &[&Wanted]) {
    let goes = |w: &Wanted| kind.path().iter().position(|step| step.2 == w.state).map_or(0, |at| at + 1);
    for (at, (verb, role, enters)) in kind.path().iter().enumerate() {
        let further: Vec<&str> = wanted.iter().filter(|w| goes(w) > at).map(|w| w.title.as_str()).collect();
        if further.is_empty() {
            return;
        }
        let who = persona(tenant, role);
        let titles = array(&further);
        let mut script = format!("update {}.\"order\" set fire = '{verb}' where title = any ({titles});\n", who.schema);
        match *enters {
            "sourcing" | "production" => script.push_str(&format!(
                "update orders_ops.\"order\" set tracking = 'TRACK-1' where title = any ({titles}) and tracking is null;\n"
            )),
            "customs" => {
                script.push_str(&format!("update orders_broker.\"order\" set customs_ref = 'MRN-1' where title = any ({titles});\n"))
            }
            _ => {}
        }
        db.psql_as(&who, &script).ok();
        if *enters == "delivered" {
            let admin = persona(tenant, "admin");
            let paid = format!(
                "update orders_admin.\"order\" set fire = 'receive_payment', input = jsonb_build_object('paid', gross) where title = any ({titles})"
            );
            db.psql_as(&admin, &paid).ok();
        }
    }
}

/// An order of the second salesperson, which the first may not see.
fn theirs(db: &TestDatabase) {
    let other = Persona::second(APP, NORDUR, "rep");
    let login = Persona::second(APP, NORDUR, "client").id();
    let client = format!(
        "insert into orders_admin.client (name, lang, phone, vat_id, credit_limit, rep, login) values ('Stapi', 'is', '+3545550101', 'IS-SECRET', 1000, '{}', '{login}')",
        other.id()
    );
    db.psql_as(&persona(NORDUR, "admin"), &client).ok();
    db.psql_as(&other, "insert into orders_rep.\"order\" (client, title) select id, 'theirs' from orders_rep.client;\ninsert into orders_rep.order_lines (\"order\", vertical, description) select id, 'print', 'Posters' from orders_rep.\"order\"").ok();
}

fn lines(titles: &[&str], rows: &str) -> String {
    if titles.is_empty() {
        return String::new();
    }
    format!(
        "insert into orders_rep.order_lines (\"order\", vertical, description, quantity, cost_eur, weight_kg, imported, length_m, width_m, height_m)\n\
         select o.id, l.* from orders_rep.\"order\" o, (values {rows}) l where o.title = any ({});\n",
        array(titles)
    )
}

fn array(titles: &[&str]) -> String {
    let quoted: Vec<String> = titles.iter().map(|title| format!("'{title}'")).collect();
    format!("array[{}]::text[]", quoted.join(", "))
}
