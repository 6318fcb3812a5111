//! Moves that follow from a move: of other records (`each`), and of the record itself (`auto`).

use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::Cascade;

use crate::entity::CompileFault;
use crate::entity::cx::Cx;
use crate::sql::{ident, literal, one_of};

/// Moves of the records that hang on this one.
pub(super) fn cascades(cx: &Cx<'_>) -> String {
    let mut body = String::new();
    for (verb, transition) in cx.entity.transitions.iter().filter(|(_, t)| !t.each.is_empty()) {
        let _ = writeln!(body, "if new.verb = {} then\n  before := statehouse.act_as_system({});", literal(verb), cause(cx));
        for cascade in &transition.each {
            body.push_str(&cascaded(cx, cascade));
        }
        body.push_str("  perform statehouse.act_again(before);\nend if;\n");
    }
    if body.is_empty() { body } else { format!("-- each\n{body}") }
}

fn cascaded(cx: &Cx<'_>, cascade: &Cascade) -> String {
    let Some(other) = cx.app.entities.get(&cascade.of) else { return String::new() };
    let verb = other.transitions.get(&cascade.verb);
    let only = if cascade.only.is_empty() { verb.map(|t| t.from.clone()).unwrap_or_default() } else { cascade.only.clone() };
    let table = format!("{}.{}", cx.schema(), ident(&cascade.of));
    let mine = format!("c.tenant = new.tenant and c.{} = new.id and {}", ident(&cascade.through), one_of("c.state", &only));
    let mut body = String::new();
    if let Some(lock) = verb.and_then(|t| t.lock.as_ref()) {
        let _ = writeln!(
            body,
            "  -- lock targets come before rows, as in every door\n  perform statehouse.take_lock(new.tenant, l.target) from (select distinct c.{} as target from {table} c where {mine} order by 1) l;",
            ident(lock)
        );
    }
    let _ = writeln!(
        body,
        "  -- rows are taken in the order of their ids, as every other move takes them\n  perform from {table} c where {mine} order by c.id for no key update;\n  update {table} c set fire = {} where {mine};",
        literal(&cascade.verb)
    );
    body
}

fn cause(cx: &Cx<'_>) -> String {
    format!("{} || new.id || '/' || new.version", literal(&format!("{}/", cx.qualified())))
}

/// Moves of the record itself as soon as their guards hold.
pub(super) fn autos(cx: &Cx<'_>) -> Result<String, CompileFault> {
    let mut body = String::new();
    for (verb, transition) in cx.entity.transitions.iter().filter(|(_, t)| t.auto) {
        let mut when = vec![one_of("new.state", &transition.from)];
        for guard in transition.guards.values() {
            when.push(format!("({}) is true", cx.print(&guard.that, "new", Purpose::Guard)?.sql));
        }
        let _ = writeln!(
            body,
            "if {} then\n  before := statehouse.act_as_system({});\n  update {} r set fire = {} where r.tenant = new.tenant and r.id = new.id and r.version = new.version;\n  perform statehouse.act_again(before);\n  return null;\nend if;",
            when.join(" and "),
            cause(cx),
            cx.table(),
            literal(verb)
        );
    }
    Ok(if body.is_empty() { body } else { format!("-- auto\n{body}") })
}

/// What both need to put back who acted.
pub(super) fn variables(cx: &Cx<'_>) -> String {
    let needed = cx.entity.transitions.values().any(|t| t.auto || !t.each.is_empty());
    if needed { "  before text[];\n".to_owned() } else { String::new() }
}
