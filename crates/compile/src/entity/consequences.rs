//! What follows from a move: event, effects, timers, prices written back, cascades. All after the row is written, so
//! that a row that is never written leaves nothing behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Class, Effect, Part, Template, Transition, Wait};

use super::cx::Cx;
use super::derived::{self, Plan};
use super::{CompileFault, law};
use crate::object::{Kind, Object};
use crate::pricing;
use crate::sql::{ident, indent, list, literal, one_of};

/// The functions and triggers after insert and after update.
pub fn objects(cx: &Cx<'_>) -> Result<Vec<Object>, CompileFault> {
    let plan = derived::plan(cx)?;
    Ok(vec![moved(cx, &plan)?, born(cx, &plan)?, triggers(cx)])
}

fn event(cx: &Cx<'_>, from_state: &str, previous: &str) -> String {
    format!(
        "insert into statehouse.event (tenant, entity, record, seq, at, verb, from_state, to_state, actor, kind, cause, definition,
                              payload, payload_hash, previous, head)
values (new.tenant, {entity}, new.id, new.version, new.changed_at, new.verb, {from_state}, new.state,
        current_setting('statehouse.actor')::uuid, current_setting('statehouse.kind'), nullif(current_setting('statehouse.cause', true), ''),
        {schema}.definition(), payload, sha256(convert_to(payload::text, 'UTF8')), {previous}, new.head);
",
        entity = literal(&cx.qualified()),
        schema = cx.schema()
    )
}

fn born(cx: &Cx<'_>, plan: &Plan) -> Result<Object, CompileFault> {
    let mut body = format!("-- event\n{}", event(cx, "null", "decode(repeat('00', 32), 'hex')"));
    let arms = timers(cx, |_| true);
    if !arms.is_empty() {
        let _ = write!(body, "-- timers\n{arms}");
    }
    let _ = plan;
    body.push_str(&autos(cx)?);
    body.push_str("return null;");
    let declare = format!("declare\n  payload constant jsonb := statehouse.changes('{{}}', to_jsonb(new), {});\n", cx.carried_columns());
    Ok(function(cx, "born", "What follows from a new record", &(declare + &auto_variables(cx)), &body))
}

fn moved(cx: &Cx<'_>, plan: &Plan) -> Result<Object, CompileFault> {
    let mut body = format!("{}-- event\n{}", payloads(cx), event(cx, "old.state", "old.head"));
    body.push_str(&write_back(cx, plan));
    let effects = effects(cx)?;
    if !effects.is_empty() {
        let _ = write!(body, "-- effects\n{effects}");
    }
    body.push_str(&rearm(cx));
    body.push_str(&cascades(cx));
    body.push_str(&autos(cx)?);
    body.push_str("return null;");
    let mut declare = "declare\n  payload jsonb;\n".to_owned();
    if cx.entity.transitions.values().any(|t| !t.effects.is_empty()) {
        declare.push_str("  args jsonb;\n");
    }
    for reference in followed(cx)? {
        let _ = writeln!(declare, "  {}_ record;", reference.0);
    }
    declare.push_str(&auto_variables(cx));
    Ok(function(cx, "moved", "What follows from a move or an edit", &declare, &body))
}

/// What the event carries: an edit's changes, a verb's inputs and what it set. Two statements, because Postgres prepares
/// every arm of one expression anew in every transaction.
fn payloads(cx: &Cx<'_>) -> String {
    let touch =
        if cx.entity.children.is_empty() { "" } else { " || coalesce(nullif(current_setting('statehouse.touch', true), ''), '{}')::jsonb" };
    let mut body = format!(
        "-- what the event carries
if new.verb in ('edited', 'migrated', 'erased') then
  payload := statehouse.changes(to_jsonb(old), to_jsonb(new), {}){touch};
else
  payload := case new.verb
",
        cx.carried_columns()
    );
    let mut bare = Vec::new();
    for (verb, transition) in &cx.entity.transitions {
        if law::carried(transition).is_empty() {
            bare.push(verb.as_str());
        } else {
            let _ = writeln!(body, "    when {} then {}", literal(verb), law::payload(transition));
        }
    }
    if bare.len() == cx.entity.transitions.len() {
        body.truncate(body.len() - "case new.verb\n".len());
        body.push_str("'{}';\nend if;\n");
        return body;
    }
    let _ = write!(body, "    else '{{}}'{}\n  end;\nend if;\n", if bare.is_empty() { String::new() } else { format!("   -- {}", bare.join(", ")) });
    body
}

/// Prices that changed with the record are stored beside the children they belong to.
fn write_back(cx: &Cx<'_>, plan: &Plan) -> String {
    let mut body = String::new();
    for (child, c) in &cx.entity.children {
        let Some(call) = pricing::priced_call(cx.app, cx.entity, child, "new") else { continue };
        let mut fields: Vec<String> = pricing::priced_fields(c).into_iter().map(ident).collect();
        fields.push("trace".to_owned());
        let mut when: Vec<String> = plan.hangs_on.iter().map(|f| format!("new.{0} is distinct from old.{0}", ident(f))).collect();
        when.insert(0, "coalesce(current_setting('statehouse.touch', true), '') <> ''".to_owned());
        let p = |alias: &str| fields.iter().map(|f| format!("{alias}.{f}")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            body,
            "-- prices
if {when} then
  perform set_config('statehouse.pricing', 'on', true);
  update {schema}.{table} c set ({columns}) = ({new})
    from {call} p
   where c.tenant = new.tenant and c.{parent} = new.id and c.id = p.id and ({old}) is distinct from ({new});
  perform set_config('statehouse.pricing', '', true);
end if;",
            when = when.join(" or "),
            schema = cx.schema(),
            parent = ident(&cx.entity.name),
            table = ident(&cx.child_table(child)),
            columns = fields.join(", "),
            new = p("p"),
            old = p("c")
        );
    }
    body
}

/// Refs whose values some effect carries: looked up once each into a variable of the ref's name.
fn followed(cx: &Cx<'_>) -> Result<BTreeSet<(String, String)>, CompileFault> {
    let mut refs = BTreeSet::new();
    for transition in cx.entity.transitions.values() {
        for effect in &transition.effects {
            refs.extend(refs_of(cx, effect)?.into_keys());
        }
    }
    Ok(refs)
}

/// (ref, entity) → columns read through a one-step path such as `client.phone`.
fn refs_of(cx: &Cx<'_>, effect: &Effect) -> Result<std::collections::BTreeMap<(String, String), BTreeSet<String>>, CompileFault> {
    let mut refs: std::collections::BTreeMap<(String, String), BTreeSet<String>> = std::collections::BTreeMap::new();
    for part in effect.args.values().flat_map(|t| &t.parts) {
        let Part::Hole(expr) = part else { continue };
        cx.print(expr, "new", Purpose::Argument)?;
        if let Some((reference, column)) = one_step(cx, &expr.text) {
            let entity = match &cx.entity.fields[&reference].kind {
                statehouse_definition::model::FieldKind::Ref(entity) => entity.clone(),
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
    let statehouse_definition::model::FieldKind::Ref(entity) = &field.kind else { return None };
    (simple(column) && cx.app.entities.get(entity)?.fields.contains_key(column)).then(|| (reference.to_owned(), column.to_owned()))
}

fn effects(cx: &Cx<'_>) -> Result<String, CompileFault> {
    let mut body = String::new();
    for (verb, transition) in cx.entity.transitions.iter().filter(|(_, t)| !t.effects.is_empty()) {
        let _ = writeln!(body, "when {} then", literal(verb));
        for (n, effect) in transition.effects.iter().enumerate() {
            body.push_str(&indent(&owed(cx, n + 1, effect)?, 2));
        }
    }
    if body.is_empty() {
        return Ok(body);
    }
    Ok(format!("case new.verb\n{}else null;\nend case;\n", indent(&body, 2)))
}

fn owed(cx: &Cx<'_>, n: usize, effect: &Effect) -> Result<String, CompileFault> {
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
insert into statehouse.effect (tenant, record, seq, n, entity, verb, connector, action, version, class, args, due_at)
values (new.tenant, new.id, new.version, {n}, {entity}, new.verb, {connector}, {action}, {version}, '{class}', args, new.changed_at);
",
        pairs = pairs.join(", "),
        name = literal(&format!("{}.{}", effect.connector, effect.action)),
        entity = literal(&cx.qualified()),
        connector = literal(&effect.connector),
        action = literal(&effect.action)
    );
    Ok(body)
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

/// Timer rows for the states that ask for one; `wanted` picks states.
fn timers(cx: &Cx<'_>, wanted: impl Fn(&str) -> bool) -> String {
    let mut body = String::new();
    for (state, s) in cx.entity.states.iter().filter(|(n, _)| wanted(n)) {
        let (verb, due, armed) = match &s.wait {
            Wait::Within { span, verb: Some(verb) } => (verb, format!("new.entered_at + interval '{span}'"), "true".to_owned()),
            Wait::Until { field, verb: Some(verb) } => (verb, format!("new.{}", ident(field)), format!("new.{} is not null", ident(field))),
            _ => continue,
        };
        let _ = writeln!(
            body,
            "if new.state = {} and {armed} then\n  insert into statehouse.timer (tenant, record, verb, entity, seq, due_at)\n  values (new.tenant, new.id, {}, {}, new.version, {due});\nend if;",
            literal(state),
            literal(verb),
            literal(&cx.qualified())
        );
    }
    body.replace(" and true then", " then")
}

/// Leaving a state (or moving its deadline) disarms its timer; entering one arms it.
fn rearm(cx: &Cx<'_>) -> String {
    let timed: Vec<String> = cx
        .entity
        .states
        .iter()
        .filter(|(_, s)| matches!(&s.wait, Wait::Within { verb: Some(_), .. } | Wait::Until { verb: Some(_), .. }))
        .map(|(n, _)| n.clone())
        .collect();
    if timed.is_empty() {
        return String::new();
    }
    let mut deadlines = vec!["new.state <> old.state".to_owned()];
    for s in cx.entity.states.values() {
        if let Wait::Until { field, verb: Some(_) } = &s.wait {
            deadlines.push(format!("new.{0} is distinct from old.{0}", ident(field)));
        }
    }
    let late: Vec<String> = cx
        .entity
        .states
        .values()
        .filter_map(|s| match &s.wait {
            Wait::Within { verb: Some(verb), .. } => cx.entity.transitions.get(verb).filter(|t| t.to.is_none()).map(|_| verb.clone()),
            _ => None,
        })
        .collect();
    let mut body = String::from("-- timers\n");
    if !late.is_empty() {
        let _ = writeln!(
            body,
            "if {} then\n  delete from statehouse.timer t where t.tenant = new.tenant and t.record = new.id and t.verb = new.verb;   -- it rang\nend if;",
            one_of("new.verb", &late)
        );
    }
    let _ = writeln!(
        body,
        "if {} then\n  if old.state in {} then\n    delete from statehouse.timer t where t.tenant = new.tenant and t.record = new.id;\n  end if;\n{}end if;",
        deadlines.join(" or "),
        list(&timed),
        indent(&timers(cx, |_| true), 2)
    );
    body
}

fn cascades(cx: &Cx<'_>) -> String {
    let mut body = String::new();
    for (verb, transition) in cx.entity.transitions.iter().filter(|(_, t)| !t.each.is_empty()) {
        let _ = writeln!(body, "if new.verb = {} then\n  before := statehouse.act_as_system({});", literal(verb), cause(cx));
        for cascade in &transition.each {
            let Some(other) = cx.app.entities.get(&cascade.of) else { continue };
            let only = if cascade.only.is_empty() {
                other.transitions.get(&cascade.verb).map(|t| t.from.clone()).unwrap_or_default()
            } else {
                cascade.only.clone()
            };
            let table = format!("{}.{}", cx.schema(), ident(&cascade.of));
            let mine = format!("c.tenant = new.tenant and c.{} = new.id and {}", ident(&cascade.through), one_of("c.state", &only));
            if let Some(lock) = other.transitions.get(&cascade.verb).and_then(|t| t.lock.as_ref()) {
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
        }
        body.push_str("  perform statehouse.act_again(before);\nend if;\n");
    }
    if body.is_empty() { body } else { format!("-- each\n{body}") }
}

fn cause(cx: &Cx<'_>) -> String {
    format!("{} || new.id || '/' || new.version", literal(&format!("{}/", cx.qualified())))
}

fn autos(cx: &Cx<'_>) -> Result<String, CompileFault> {
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

fn auto_variables(cx: &Cx<'_>) -> String {
    let needed = cx.entity.transitions.values().any(|t: &Transition| t.auto || !t.each.is_empty());
    if needed { "  before text[];\n".to_owned() } else { String::new() }
}

fn function(cx: &Cx<'_>, suffix: &str, why: &str, declare: &str, body: &str) -> Object {
    let function = cx.function(suffix);
    let sql = format!(
        "create function {function}() returns trigger\n  language plpgsql\nas $law$\n{declare}begin\n{}end $law$;\ncomment on function {function}() is {};\n",
        indent(body, 2),
        literal(why)
    );
    Object::new(Kind::Function, &cx.app.name, &format!("{}_{suffix}", cx.entity.name), sql)
}

fn triggers(cx: &Cx<'_>) -> Object {
    let table = cx.table();
    let sql = format!(
        "create trigger owed_1_born after insert on {table} for each row execute function {}();\n\
         create trigger owed_2_moved after update on {table} for each row execute function {}();\n",
        cx.function("born"),
        cx.function("moved")
    );
    Object::on(Kind::Trigger, &cx.app.name, &cx.entity.name, "owed", sql)
}
