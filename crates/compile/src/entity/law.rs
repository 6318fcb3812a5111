//! The verdict: what is judged before a row is written, in one fixed order.
//!
//! identity → the verb a new `state` means → edit rights → verb, inputs, set, computed, guards → required → version, head.
//! Each of the first three stands in a trigger of its own that fires only when the statement names its columns, so that
//! a plain move pays for none of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Access, Actor, Edit, See, Transition};

use super::cx::{Cx, from_json};
use super::derived::{self, Plan};
use super::{CompileFault, verbs};
use crate::object::{Kind, Object};
use crate::sql::{array, ident, indent, literal, one_of};

/// What every move needs to know; the verdict reads capabilities only where a verb asks for one.
const ACTOR: &str = "  tenant_ constant int    := current_setting('statehouse.tenant');
  actor_  constant uuid   := current_setting('statehouse.actor');
  role_   constant text   := current_setting('statehouse.role');
  kind_   constant text   := current_setting('statehouse.kind');
";

/// The same with capabilities.
const CONTEXT: &str = "  tenant_ constant int    := current_setting('statehouse.tenant');
  actor_  constant uuid   := current_setting('statehouse.actor');
  role_   constant text   := current_setting('statehouse.role');
  kind_   constant text   := current_setting('statehouse.kind');
  capabilities_ constant text[] := current_setting('statehouse.capabilities');
";

/// The law's functions and triggers.
pub fn objects(cx: &Cx<'_>) -> Result<Vec<Object>, CompileFault> {
    let mut objects = verbs::objects(cx);
    objects.push(identity(cx));
    objects.push(named(cx)?);
    objects.push(rights(cx)?);
    let plan = derived::plan(cx)?;
    objects.push(birth(cx, &plan)?);
    objects.push(verdict(cx, &plan)?);
    objects.push(triggers(cx));
    Ok(objects)
}

fn function(cx: &Cx<'_>, suffix: &str, why: &str, declare: &str, body: &str) -> Object {
    let name = format!("{}_{suffix}", cx.entity.name);
    let function = cx.function(suffix);
    let sql = format!(
        "create function {function}() returns trigger\n  language plpgsql\nas $law$\n{declare}begin\n{}end $law$;\ncomment on function {function}() is {};\n",
        indent(body, 2),
        literal(why)
    );
    Object::new(Kind::Function, &cx.app.name, &name, sql)
}

fn engine_columns(cx: &Cx<'_>) -> Vec<&'static str> {
    let mut columns = vec!["tenant", "id", "version", "verb", "head", "entered_at", "changed_at"];
    if cx.entity.reference.is_some() {
        columns.extend(["number", "reference"]);
    }
    columns
}

fn row(alias: &str, columns: &[impl AsRef<str>]) -> String {
    let columns: Vec<String> = columns.iter().map(|c| format!("{alias}.{}", ident(c.as_ref()))).collect();
    columns.join(", ")
}

fn identity(cx: &Cx<'_>) -> Object {
    let columns = engine_columns(cx);
    let body = format!(
        "if ({}) is distinct from\n   ({}) then\n  perform statehouse.refuse_fields({}, old.id, old.state, {});\nend if;\nreturn new;",
        row("new", &columns),
        row("old", &columns),
        literal(&cx.qualified()),
        array(&columns)
    );
    function(cx, "identity", "Nobody rewrites who a record is or how often it moved", "", &body)
}

fn named(cx: &Cx<'_>) -> Result<Object, CompileFault> {
    let declare = format!("declare\n{CONTEXT}  open text[];\n  wanted text := new.state;\n");
    let mut body = String::new();
    if !cx.retired.is_empty() {
        let _ = writeln!(
            body,
            "if kind_ = 'migration' then return new; end if;\n{}wanted := {};   -- until every record has moved on",
            standing(cx)?,
            cx.standing("old", "wanted")?
        );
    }
    let _ = write!(
        body,
        "if wanted is not distinct from old.state or kind_ = 'migration' then return new; end if;
open := {verbs}(old.state, wanted, role_, kind_, capabilities_);
if new.fire is null and cardinality(open) = 1 then
  new.fire := open[1];
elsif new.fire is null then
  perform statehouse.refuse_state({entity}, old.id, old.state, wanted, open, {verbs}(old.state, null, role_, kind_, capabilities_));
elsif new.fire <> all (open) then
  perform statehouse.refuse_contradiction({entity}, old.id, old.state, wanted, new.fire);
end if;
new.state := old.state;   -- the verdict moves it
return new;",
        verbs = cx.function("verbs"),
        entity = literal(&cx.qualified())
    );
    Ok(function(cx, "named", "A new state is a move only where it means exactly one verb", &declare, &body))
}

/// Where a record of a retired state stands now; nothing where no state was retired.
fn standing(cx: &Cx<'_>) -> Result<String, CompileFault> {
    if cx.retired.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("old.state := {};   -- until every record has moved on\n", cx.standing("old", "old.state")?))
}

/// Fields a verb may be handed, by verb.
fn rights(cx: &Cx<'_>) -> Result<Object, CompileFault> {
    let mut body = standing(cx)?;
    body.push_str("-- what changed\n");
    for field in cx.entity.fields.keys() {
        let column = ident(field);
        let _ =
            writeln!(body, "if new.{column} is distinct from old.{column} then changed := changed || {}::text; end if;", literal(field));
    }
    body.push_str("if changed = '{}' or kind_ = 'migration' then return new; end if;\n");
    body.push_str("-- what may change: a verb's inputs, or what the role may edit in the state the record is in\n");
    body.push_str("if new.fire is not null then\n  allowed := case new.fire\n");
    for (verb, transition) in &cx.entity.transitions {
        if !transition.input.is_empty() {
            let _ = writeln!(body, "    when {} then {}", literal(verb), array(transition.input.keys()));
        }
    }
    body.push_str("    when '' then null\n    else '{}' end;\nelse\n");
    body.push_str(&indent(&edit_rights(cx), 2));
    body.push_str("end if;\n");
    let _ = write!(
        body,
        "if not changed <@ allowed then\n  perform statehouse.refuse_fields({}, old.id, old.state, array(select c from unnest(changed) c where c <> all (allowed)));\nend if;\nreturn new;",
        literal(&cx.qualified())
    );
    let declare = format!("declare\n{CONTEXT}  changed text[] := '{{}}';\n  allowed text[] := '{{}}';\n");
    Ok(function(cx, "rights", "Who may edit which field in which state", &declare, &body))
}

fn edit_rights(cx: &Cx<'_>) -> String {
    let mut body = String::new();
    for (who, access) in &cx.entity.access {
        let holds = holds(who, access);
        let writable: BTreeSet<&str> = cx.writable().into_iter().collect();
        let fields = |names: &[String]| array(names.iter().filter(|n| writable.contains(n.as_str())));
        match &access.edit {
            Edit::Nothing => {}
            Edit::All => {
                let _ = writeln!(
                    body,
                    "if {holds} and {} then allowed := allowed || {}::text[]; end if;",
                    one_of("old.state", &cx.living()),
                    array(cx.writable())
                );
            }
            Edit::ByState(states) => {
                let _ = writeln!(body, "if {holds} then\n  allowed := allowed || case old.state");
                for (state, names) in states {
                    let _ = writeln!(body, "    when {} then {}::text[]", literal(state), fields(names));
                }
                body.push_str("    else '{}' end;\nend if;\n");
            }
        }
    }
    body
}

/// The condition under which an access entry speaks for the actor.
pub fn holds(who: &str, access: &Access) -> String {
    if access.capability { format!("{} = any (capabilities_)", literal(who)) } else { format!("role_ = {}", literal(who)) }
}

fn birth(cx: &Cx<'_>, plan: &Plan) -> Result<Object, CompileFault> {
    let name = &cx.entity.name;
    let entity = literal(&cx.qualified());
    let mut body = String::new();
    let _ = writeln!(body, "-- identity\nnew.tenant := tenant_;\nnew.id := coalesce(new.id, statehouse.new_id());");
    let creators: Vec<String> = cx.entity.access.iter().filter(|(_, a)| a.create).map(|(w, a)| holds(w, a)).collect();
    let creators = if creators.is_empty() { "false".to_owned() } else { creators.join(" or ") };
    let _ = writeln!(
        body,
        "if kind_ <> 'import' then\n  if not ({creators}) then\n    perform statehouse.refuse_create({entity}, role_);\n  end if;"
    );
    let _ = writeln!(
        body,
        "  if new.state is not null and new.state <> {initial} then\n    perform statehouse.refuse_beginning({entity}, new.state, {initial});\n  end if;\nend if;\nnew.state := coalesce(new.state, {initial});",
        initial = literal(cx.initial())
    );
    if let Some(reference) = &cx.entity.reference {
        let _ = writeln!(
            body,
            "-- a number of the tenant's own; gaps are allowed\nnew.number := statehouse.next_number(tenant_, {entity});\nnew.reference := {} || lpad(new.number::text, greatest({}, length(new.number::text)), '0') || {};",
            literal(&reference.prefix),
            reference.width,
            literal(&reference.suffix)
        );
    }
    body.push_str(&given(cx, &entity));
    body.push_str("-- values nobody gave\n");
    for (field, f) in &cx.entity.fields {
        if let Some(default) = &f.default {
            let printed = cx.print(default, "new", Purpose::Default)?;
            let _ = writeln!(body, "new.{0} := coalesce(new.{0}, {1});", ident(field), printed.sql);
        }
    }
    body.push_str(&own_slice(cx, &entity));
    if !plan.block.is_empty() {
        let _ = writeln!(body, "-- computed\n{}", plan.block);
    }
    let _ = write!(
        body,
        "-- version, head
new.version := 1;
new.verb := case kind_ when 'import' then 'imported' else 'created' end;
new.changed_at := statehouse.now();
new.entered_at := coalesce(new.entered_at, new.changed_at);
if new.entered_at > new.changed_at then new.entered_at := new.changed_at; end if;
new.fire := null;
new.input := null;
new.head := statehouse.chain(decode(repeat('00', 32), 'hex'), tenant_, {entity}, new.id, 1, new.verb, null, new.state, actor_, new.changed_at,
                             {definition}(), sha256(convert_to(statehouse.changes('{{}}', to_jsonb(new), {fields})::text, 'UTF8')),
                             kind_, nullif(current_setting('statehouse.cause', true), ''));
return new;",
        fields = cx.carried_columns(),
        definition = format_args!("{}.definition", cx.schema())
    );
    let declare = format!("declare\n{CONTEXT}  allowed text[] := '{{}}';\n  given   text[];\n");
    let mut object = function(cx, "birth", &format!("How a {name} begins"), &declare, &body);
    object.id.name = format!("{name}_birth");
    Ok(object)
}

/// What a role may hand a new record: what it may edit in the initial state, and what nobody else can fill.
pub fn at_birth<'a>(cx: &Cx<'a>, access: &Access) -> Vec<&'a str> {
    let editable: Vec<&str> = match &access.edit {
        Edit::All => return cx.writable(),
        Edit::ByState(states) => states.get(cx.initial()).into_iter().flatten().map(String::as_str).collect(),
        Edit::Nothing => Vec::new(),
    };
    let rule = match &access.see {
        See::Rule(rule) => Some(rule.field.as_str()),
        _ => None,
    };
    let fields = &cx.entity.fields;
    let needed = |field: &str| fields.get(field).is_some_and(|f| f.required && f.default.is_none());
    cx.writable().into_iter().filter(|f| editable.contains(f) || rule == Some(f) || needed(f)).collect()
}

/// Values that the creator may not choose are refused before any default is filled in.
fn given(cx: &Cx<'_>, entity: &str) -> String {
    let mut body = String::from("-- values somebody gave\nif kind_ <> 'import' then\n");
    for (who, access) in cx.entity.access.iter().filter(|(_, a)| a.create) {
        let _ = writeln!(body, "  if {} then allowed := allowed || {}::text[]; end if;", holds(who, access), array(at_birth(cx, access)));
    }
    let _ = writeln!(
        body,
        "  select array_agg(f) into given from unnest({}::text[]) f where jsonb_typeof(to_jsonb(new) -> f) <> 'null' and f <> all (allowed);
  if given is not null then perform statehouse.refuse_fields({entity}, null, new.state, given); end if;
end if;",
        array(cx.writable())
    );
    body
}

/// A role creates only what it will see: the row rule's column is filled with, or must match, the actor.
fn own_slice(cx: &Cx<'_>, entity: &str) -> String {
    use statehouse_definition::model::RuleValue;
    let mut body = String::new();
    for (who, access) in &cx.entity.access {
        let (true, false, See::Rule(rule)) = (access.create, access.capability, &access.see) else { continue };
        let column = ident(&rule.field);
        let refuse = format!("perform statehouse.refuse_fields({entity}, new.id, new.state, {});", array([&rule.field]));
        let _ = match &rule.with {
            RuleValue::Actor => writeln!(
                body,
                "if role_ = {0} then\n  new.{column} := coalesce(new.{column}, actor_);\n  if new.{column} <> actor_ then {refuse} end if;\nend if;",
                literal(who)
            ),
            RuleValue::Set(set) => writeln!(
                body,
                "if role_ = {} and (new.{column} = any ({}.{}())) is not true then {refuse} end if;",
                literal(who),
                cx.schema(),
                ident(set)
            ),
        };
    }
    body
}

fn verdict(cx: &Cx<'_>, plan: &Plan) -> Result<Object, CompileFault> {
    let mut body = String::from("case verb_\n");
    for (verb, transition) in &cx.entity.transitions {
        let _ = writeln!(body, "  when {} then", literal(verb));
        body.push_str(&indent(&branch(cx, plan, verb, transition)?, 4));
    }
    let _ = writeln!(
        body,
        "  else\n    if verb_ is not null then\n      perform statehouse.refuse_unknown({}, old.id, verb_, old.state, {}(old.state, null, role_, kind_, {}));\n    end if;",
        literal(&cx.qualified()),
        cx.function("verbs"),
        verbs::CAPABILITIES
    );
    body.push_str(&indent(&edited(cx, plan), 4));
    let _ = write!(
        body,
        "end case;
-- version, head
new.version := old.version + 1;
new.verb := coalesce(verb_, engine_verb);
new.changed_at := statehouse.now();
if new.state <> {from} then new.entered_at := new.changed_at; end if;
new.fire := null;
new.input := null;
new.head := statehouse.chain(old.head, tenant_, {entity}, new.id, new.version, new.verb, {from}, new.state, actor_, new.changed_at,
                             {schema}.definition(), sha256(convert_to(payload::text, 'UTF8')),
                             kind_, nullif(current_setting('statehouse.cause', true), ''));
return new;",
        entity = literal(&cx.qualified()),
        schema = cx.schema(),
        from = if cx.retired.is_empty() { "old.state" } else { "from_" }
    );
    let declare = format!(
        "declare\n{ACTOR}{}  verb_   text := new.fire;\n  engine_verb text := 'edited';\n  holds   boolean[];\n  payload jsonb;\n",
        if cx.retired.is_empty() { "" } else { "  from_   constant text := old.state;\n" }
    );
    let mut opening = String::from(
        "if kind_ = 'migration' then   -- a definition change or an erasure: nothing is guarded, nothing is owed
  engine_verb := case verb_ when '~erase' then 'erased' else 'migrated' end;
  verb_ := null;
end if;\n",
    );
    if !cx.retired.is_empty() {
        let _ = writeln!(
            opening,
            "if kind_ <> 'migration' then\n  {}  if new.state = from_ then new.state := old.state; end if;   -- whatever touches the record takes it along\nend if;",
            standing(cx)?
        );
    }
    if !cx.entity.children.is_empty() {
        opening.push_str("if verb_ = '~' and touched_ <> '' then verb_ := null; end if;   -- a child changed\n");
    }
    let body = opening + &body;
    let declare = if cx.entity.children.is_empty() {
        declare
    } else {
        format!("{declare}  touched_ constant text := coalesce(current_setting('statehouse.touch', true), '');\n")
    };
    Ok(function(cx, "verdict", "The verdict on a move or an edit: it judges and computes, and writes nothing", &declare, &body))
}

/// What an edit computes; an edit that changes nothing is not written.
fn edited(cx: &Cx<'_>, plan: &Plan) -> String {
    let entity = literal(&cx.qualified());
    let mut body = String::new();
    let mut writable: Vec<&str> = cx.writable();
    writable.push("state");
    let unchanged = format!("({}) is not distinct from\n   ({})", row("new", &writable), row("old", &writable));
    let touched = if cx.entity.children.is_empty() { "" } else { "touched_ = '' and " };
    let _ = writeln!(body, "if {touched}engine_verb <> 'erased' and {unchanged} then return null; end if;");
    let _ = writeln!(
        body,
        "if new.input is not null then perform statehouse.refuse_input({entity}, old.id, 'edit', old.state, new.input, '{{}}'); end if;"
    );
    if !plan.block.is_empty() {
        let mut when: Vec<String> = plan.hangs_on.iter().map(|f| format!("new.{0} is distinct from old.{0}", ident(f))).collect();
        if !plan.children.is_empty() {
            when.insert(0, "touched_ <> ''".to_owned());
        }
        if when.is_empty() {
            when.push("true".to_owned());
        }
        let _ = writeln!(body, "if {} then\n{}end if;", when.join(" or "), indent(&plan.block, 2));
    }
    let touch = if cx.entity.children.is_empty() { "" } else { " || coalesce(nullif(touched_, ''), '{}')::jsonb" };
    let _ = writeln!(body, "payload := statehouse.changes(to_jsonb(old), to_jsonb(new), {}){touch};", cx.carried_columns());
    body
}

/// The fields whose values an event of this verb carries: its inputs and what it sets.
pub fn carried(transition: &Transition) -> Vec<&str> {
    let mut fields: Vec<&str> = transition.input.keys().map(String::as_str).collect();
    fields.extend(transition.set.keys().map(String::as_str).filter(|f| !transition.input.contains_key(*f)));
    fields
}

/// `jsonb_build_object('tracking', new.tracking)`.
pub fn payload(transition: &Transition) -> String {
    let pairs: Vec<String> = carried(transition).iter().map(|f| format!("{}, new.{}", literal(f), ident(f))).collect();
    if pairs.is_empty() { "'{}'".to_owned() } else { format!("jsonb_build_object({})", pairs.join(", ")) }
}

fn branch(cx: &Cx<'_>, plan: &Plan, verb: &str, transition: &Transition) -> Result<String, CompileFault> {
    let entity = literal(&cx.qualified());
    let mut body = String::new();
    let to = transition.to.as_deref().unwrap_or("stays");
    let _ = writeln!(body, "-- {} → {to} · {}", transition.from.join(", "), verbs::named(transition));
    let _ = writeln!(
        body,
        "if not ({} and ({})) then\n  perform statehouse.refuse_verb({entity}, old.id, {}, old.state, {}, {});\nend if;",
        one_of("old.state", &transition.from),
        verbs::allowed(transition, verbs::CAPABILITIES),
        literal(verb),
        array(&transition.from),
        literal(&verbs::named(transition))
    );
    body.push_str(&inputs(cx, verb, transition));
    for (field, expr) in &transition.set {
        let _ = writeln!(body, "new.{} := {};", ident(field), cx.print(expr, "new", Purpose::Set)?.sql);
    }
    if carried(transition).iter().any(|f| plan.hangs_on.contains(*f)) {
        let _ = writeln!(body, "{}", plan.block);
    }
    if let Some(to) = &transition.to {
        let _ = writeln!(body, "new.state := {};", literal(to));
    }
    body.push_str(&guards(cx, &entity, verb, transition)?);
    if let Some(state) = transition.to.as_ref().and_then(|to| cx.entity.states.get(to)) {
        for field in &state.required {
            let _ = writeln!(
                body,
                "if new.{} is null then perform statehouse.refuse_missing({entity}, old.id, {}, old.state, new.state, {}); end if;",
                ident(field),
                literal(verb),
                literal(field)
            );
        }
    }
    let _ = writeln!(body, "payload := {};", payload(transition));
    Ok(body)
}

fn inputs(cx: &Cx<'_>, verb: &str, transition: &Transition) -> String {
    let entity = literal(&cx.qualified());
    let mut body = String::new();
    let names = array(transition.input.keys());
    let refuse = format!("perform statehouse.refuse_input({entity}, old.id, {}, old.state, new.input, {names});", literal(verb));
    if transition.input.is_empty() {
        let _ = writeln!(body, "if new.input <> '{{}}' then {refuse} end if;");
        return body;
    }
    let _ = writeln!(
        body,
        "if new.input is not null then\n  if jsonb_typeof(new.input) <> 'object' or new.input - {names}::text[] <> '{{}}' then {refuse} end if;"
    );
    for field in transition.input.keys() {
        let kind = &cx.entity.fields[field].kind;
        let _ = writeln!(
            body,
            "  if new.input ? {} then new.{} := {}; end if;",
            literal(field),
            ident(field),
            from_json("new.input", field, kind)
        );
    }
    body.push_str("end if;\n");
    for (field, input) in &transition.input {
        if input.required {
            let _ = writeln!(
                body,
                "if new.{0} is null or (new.input ? {1}) is not true and new.{0} is not distinct from old.{0} then\n  perform statehouse.refuse_unhanded({entity}, old.id, {2}, old.state, {1});\nend if;",
                ident(field),
                literal(field),
                literal(verb)
            );
        }
    }
    body
}

/// Each guard is asked once, so that two looks at a moving set cannot disagree; then all that failed are named.
fn guards(cx: &Cx<'_>, entity: &str, verb: &str, transition: &Transition) -> Result<String, CompileFault> {
    let mut body = String::new();
    if transition.guards.is_empty() {
        return Ok(body);
    }
    let mut all = Vec::new();
    let mut each = Vec::new();
    for (n, (name, guard)) in transition.guards.iter().enumerate() {
        let sql = cx.print(&guard.that, "new", Purpose::Guard)?.sql;
        let texts = serde_json::to_string(&guard.otherwise).unwrap_or_default();
        all.push(format!("({sql}) is true   -- {name}"));
        each.push(format!(
            "case when not holds[{}] then jsonb_build_object('guard', {}, 'texts', {}::jsonb) end",
            n + 1,
            literal(name),
            literal(&texts)
        ));
    }
    if let ([only], [refusal]) = (&all[..], &each[..]) {
        let only = only.split("   -- ").next().unwrap_or(only).trim_end_matches(" is true");
        let refusal = refusal.trim_start_matches("case when not holds[1] then ").trim_end_matches(" end");
        let _ = writeln!(
            body,
            "if {only} is not true then\n  perform statehouse.refuse_guards({entity}, old.id, {}, old.state, jsonb_build_array(\n    {refusal}));\nend if;",
            literal(verb)
        );
        return Ok(body);
    }
    let last = all.len() - 1;
    let lines: Vec<String> = all
        .iter()
        .enumerate()
        .map(|(n, line)| if n == last { line.clone() } else { line.replacen(" is true   --", " is true,   --", 1) })
        .collect();
    let _ = writeln!(
        body,
        "holds := array[\n  {}\n];\nif false = any (holds) then\n  perform statehouse.refuse_guards({entity}, old.id, {}, old.state, jsonb_build_array(\n    {}));\nend if;",
        lines.join("\n  "),
        literal(verb),
        each.join(",\n    ")
    );
    Ok(body)
}

/// Whether nothing but the row itself, its refs' values and the actor decide: such moves may go set-based.
pub fn row_local(cx: &Cx<'_>, transition: &Transition) -> bool {
    let local = |expr, purpose| cx.print(expr, "new", purpose).is_ok_and(|p| p.uses.row_local);
    transition.lock.is_none()
        && !transition.auto
        && transition.each.is_empty()
        && transition.guards.values().all(|g| local(&g.that, Purpose::Guard))
        && transition.set.values().all(|e| local(e, Purpose::Set))
        && !transition.by.iter().any(|a| matches!(a, Actor::Kind(_)) && transition.by.len() == 1)
}

fn triggers(cx: &Cx<'_>) -> Object {
    let table = cx.table();
    let columns = |names: &[String]| names.iter().map(|n| ident(n)).collect::<Vec<_>>().join(", ");
    let engine: Vec<String> = engine_columns(cx).iter().map(|c| (*c).to_owned()).collect();
    let fields: Vec<String> = cx.entity.fields.keys().cloned().collect();
    let mut sql = format!(
        "create trigger law_1_identity before update of {} on {table} for each row execute function {}();\n\
         create trigger law_2_named before update of state on {table} for each row execute function {}();\n",
        columns(&engine),
        cx.function("identity"),
        cx.function("named")
    );
    if !fields.is_empty() {
        let _ = writeln!(
            sql,
            "create trigger law_3_rights before update of {} on {table} for each row execute function {}();",
            columns(&fields),
            cx.function("rights")
        );
    }
    let _ = write!(
        sql,
        "create trigger law_4_verdict before update on {table} for each row execute function {verdict}();
create trigger law_5_birth before insert on {table} for each row execute function {birth}();
create trigger law_6_kept before delete on {table} for each row execute function statehouse.keep();
create trigger law_7_kept before truncate on {table} for each statement execute function statehouse.keep();
",
        verdict = cx.function("verdict"),
        birth = cx.function("birth")
    );
    Object::on(Kind::Trigger, &cx.app.name, &cx.entity.name, "law", sql)
}
