//! What links and forms are for, as functions the engine's doors ask: `orders.link_terms('accept_quote')`.

use statehouse_definition::model::{Actor, App, Form, Link, Rate, Unit};

use crate::object::{Kind, Object};
use crate::sql::{array, dollar_quoted, ident, literal};

/// One function for the links of an app, one for its forms; none where it has none.
pub fn objects(app: &App) -> Vec<Object> {
    let mut objects = Vec::new();
    if !app.links.is_empty() {
        let rows = app.links.iter().map(|(name, one)| link(name, one)).collect::<Vec<_>>();
        objects.push(terms(
            app,
            "link_terms",
            "purpose, entity, role, roles, capabilities, lasts, uses",
            &rows,
            "What each kind of link is for",
        ));
    }
    if !app.forms.is_empty() {
        let rows = app.forms.iter().map(|(name, one)| form(name, one)).collect::<Vec<_>>();
        objects.push(terms(
            app,
            "form_terms",
            "form, entity, role, address_most, address_per, tenant_most, tenant_per",
            &rows,
            "What each form makes",
        ));
    }
    objects
}

fn link(name: &str, link: &Link) -> String {
    let roles = link.by.iter().filter_map(|actor| match actor {
        Actor::Role(role) => Some(role),
        _ => None,
    });
    let capabilities = link.by.iter().filter_map(|actor| match actor {
        Actor::Capability(key) => Some(key),
        _ => None,
    });
    format!(
        "({}, {}, {}, {}::text[], {}::text[], interval {}, {}::int)",
        literal(name),
        literal(&link.entity),
        literal(&link.role),
        array(roles),
        array(capabilities),
        literal(&link.expires.to_string()),
        link.uses.map_or("null".to_owned(), |uses| uses.to_string())
    )
}

fn form(name: &str, form: &Form) -> String {
    format!(
        "({}, {}, {}, {}, {}, {}, {})",
        literal(name),
        literal(&form.entity),
        literal(&form.role),
        form.limit.count,
        literal(unit(&form.limit)),
        form.cap.count,
        literal(unit(&form.cap))
    )
}

/// As `date_trunc` calls it.
fn unit(rate: &Rate) -> &'static str {
    match rate.per {
        Unit::Seconds => "second",
        Unit::Minutes => "minute",
        Unit::Hours => "hour",
        Unit::Days => "day",
        Unit::Weeks => "week",
    }
}

/// `columns` begins with the one that is asked for; the others are the fields of the engine's type of the same name.
fn terms(app: &App, name: &str, columns: &str, rows: &[String], why: &str) -> Object {
    let (key, fields) = columns.split_once(", ").unwrap_or((columns, ""));
    let told = fields.split(", ").map(|field| format!("v.{field}")).collect::<Vec<_>>().join(", ");
    let function = format!("{}.{}", ident(&app.name), ident(name));
    let body = format!(
        "\nbegin\n  return (select row({told})::statehouse.{name} from (values\n    {}\n  ) as v ({columns}) where v.{key} = wanted);\nend ",
        rows.join(",\n    ")
    );
    let sql = format!(
        "create function {function}(wanted text) returns statehouse.{name}\n  language plpgsql immutable\nas {};\ncomment on function {function}(text) is {};\n",
        dollar_quoted("", &body),
        literal(why)
    );
    Object::new(Kind::Function, &app.name, name, sql)
}
