//! What a move owes to the outside: a row an effect, its arguments frozen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Class, Effect, FieldKind, OutcomeKind, Part, Template};

use crate::entity::CompileFault;
use crate::entity::cx::Cx;
use crate::sql::{ident, indent, literal};

/// (ref, entity) → columns of that entity.
type Followed = BTreeMap<(String, String), BTreeSet<String>>;

/// The effects of the verb just fired; nothing where no verb has any.
pub(super) fn owed(cx: &Cx<'_>) -> Result<String, CompileFault> {
    let mut body = String::new();
    for (verb, transition) in cx.entity.transitions.iter().filter(|(_, t)| !t.effects.is_empty()) {
        let _ = writeln!(body, "when {} then", literal(verb));
        for (n, effect) in transition.effects.iter().enumerate() {
            body.push_str(&indent(&one(cx, n + 1, effect, transition.call.is_some())?, 2));
        }
        body.push_str("  perform statehouse.ring();\n");
    }
    if body.is_empty() {
        return Ok(body);
    }
    Ok(format!("case new.verb\n{}else null;\nend case;\n", indent(&body, 2)))
}

fn one(cx: &Cx<'_>, n: usize, effect: &Effect, call: bool) -> Result<String, CompileFault> {
    let mut body = String::new();
    for ((reference, entity), columns) in refs_of(cx, effect)? {
        let columns: Vec<String> = columns.iter().map(|c| format!("r.{}", ident(c))).collect();
        let _ = writeln!(
            body,
            "select {} into {reference}_ from {}.{} r where r.tenant = new.tenant and r.id = new.{};",
            columns.join(", "),
            cx.schema(),
            ident(&entity),
            ident(&reference)
        );
    }
    let mut pairs = Vec::new();
    for (key, template) in &effect.args {
        pairs.push(format!("{}, {}", literal(key), argument(cx, template)?));
    }
    let connector = cx.app.connectors.get(&effect.connector);
    let (version, class) = connector.map_or((1, Class::N), |c| (c.version, c.class));
    let class = match class {
        Class::K => "K",
        Class::Q => "Q",
        Class::N => "N",
    };
    let _ = write!(
        body,
        "args := jsonb_build_object({pairs});
if jsonb_strip_nulls(args) <> args then perform statehouse.refuse_args({name}, args); end if;
insert into statehouse.effect (tenant, record, seq, n, app, entity, verb, connector, action, version, class, call, args, due_at)
values (new.tenant, new.id, new.version, {n}, {app}, {entity}, new.verb, {connector}, {action}, {version}, '{class}', {call}, args, new.changed_at);
",
        pairs = pairs.join(", "),
        name = literal(&format!("{}.{}", effect.connector, effect.action)),
        app = literal(&cx.app.name),
        entity = literal(&cx.qualified()),
        connector = literal(&effect.connector),
        action = literal(&effect.action)
    );
    Ok(body)
}

/// A person said what became of a call: the verb that says it ends the effect.
pub(super) fn resolved(cx: &Cx<'_>) -> String {
    let mut body = String::new();
    for (verb, transition) in &cx.entity.transitions {
        let Some(outcome) = &transition.outcome else { continue };
        let happened = match outcome.kind {
            OutcomeKind::ResolveDone => true,
            OutcomeKind::ResolveFailed => false,
            _ => continue,
        };
        let _ = writeln!(
            body,
            "if new.verb = {} then\n  perform statehouse.resolve_call(new.tenant, new.id, {}, {happened});\nend if;",
            literal(verb),
            literal(&outcome.of)
        );
    }
    if body.is_empty() { body } else { format!("-- a call that a person resolved\n{body}") }
}

/// A template that is one hole keeps its type; text around holes makes it text.
fn argument(cx: &Cx<'_>, template: &Template) -> Result<String, CompileFault> {
    let hole = |part: &Part| -> Result<String, CompileFault> {
        match part {
            Part::Text(text) => Ok(literal(text)),
            Part::Hole(expr) => match one_step(cx, &expr.text) {
                Some((reference, column)) => Ok(format!("{reference}_.{}", ident(&column))),
                None => Ok(cx.print(expr, "new", Purpose::Argument)?.sql),
            },
        }
    };
    match template.parts.as_slice() {
        [Part::Text(text)] => Ok(format!("{}::text", literal(text))),
        [] => Ok("''::text".to_owned()),
        [only] => hole(only),
        several => {
            let parts: Result<Vec<String>, CompileFault> = several
                .iter()
                .map(|p| match p {
                    Part::Text(_) => hole(p),
                    Part::Hole(_) => hole(p).map(|h| format!("({h})::text")),
                })
                .collect();
            Ok(parts?.join(" || "))
        }
    }
}

/// Variables the effects need; refs whose values they carry are looked up once each into one of the ref's name.
pub(super) fn variables(cx: &Cx<'_>) -> Result<String, CompileFault> {
    let effects: Vec<&Effect> = cx.entity.transitions.values().flat_map(|t| &t.effects).collect();
    let mut declare = if effects.is_empty() { String::new() } else { "  args jsonb;\n".to_owned() };
    let mut refs = BTreeSet::new();
    for effect in effects {
        refs.extend(refs_of(cx, effect)?.into_keys());
    }
    for (reference, _) in refs {
        let _ = writeln!(declare, "  {reference}_ record;");
    }
    Ok(declare)
}

/// (ref, entity) → columns read through a one-step path such as `client.phone`.
fn refs_of(cx: &Cx<'_>, effect: &Effect) -> Result<Followed, CompileFault> {
    let mut refs = Followed::new();
    for part in effect.args.values().flat_map(|t| &t.parts) {
        let Part::Hole(expr) = part else { continue };
        cx.print(expr, "new", Purpose::Argument)?;
        if let Some((reference, column)) = one_step(cx, &expr.text) {
            let entity = match &cx.entity.fields[&reference].kind {
                FieldKind::Ref(entity) => entity.clone(),
                _ => continue,
            };
            refs.entry((reference, entity)).or_default().insert(column);
        }
    }
    Ok(refs)
}

fn one_step(cx: &Cx<'_>, text: &str) -> Option<(String, String)> {
    let (reference, column) = text.trim().split_once('.')?;
    let field = cx.entity.fields.get(reference)?;
    let simple = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let FieldKind::Ref(entity) = &field.kind else { return None };
    (simple(column) && cx.app.entities.get(entity)?.fields.contains_key(column)).then(|| (reference.to_owned(), column.to_owned()))
}
