//! How a record begins.

use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Access, Edit, RuleValue, See};

use super::{ACTOR, CAPABILITIES, holds};
use crate::entity::CompileFault;
use crate::entity::cx::{Cx, trigger_function};
use crate::entity::derived::Plan;
use crate::object::Object;
use crate::sql::{array, ident, literal};

/// The function behind `law_5_birth`.
pub(super) fn object(cx: &Cx<'_>, plan: &Plan) -> Result<Object, CompileFault> {
    let entity = literal(&cx.qualified());
    let mut body = beginning(cx, &entity);
    body.push_str(&numbered(cx, &entity));
    body.push_str(&given(cx, &entity));
    body.push_str(&defaults(cx)?);
    body.push_str(&own_slice(cx, &entity));
    if !plan.block.is_empty() {
        let _ = writeln!(body, "-- computed\n{}", plan.block);
    }
    body.push_str(&sealed(cx, &entity));
    let declare = format!("declare\n{ACTOR}{CAPABILITIES}  allowed text[] := '{{}}';\n  given   text[];\n");
    Ok(trigger_function(cx, "birth", &format!("How a {} begins", cx.entity.name), &declare, &body))
}

/// Whose the record is, who may create one, and the state it begins in; an import may place it further on.
fn beginning(cx: &Cx<'_>, entity: &str) -> String {
    let creators: Vec<String> = cx.entity.access.iter().filter(|(_, a)| a.create).map(|(w, a)| holds(w, a)).collect();
    let creators = if creators.is_empty() { "false".to_owned() } else { creators.join(" or ") };
    format!(
        "-- identity
new.tenant := tenant_;
new.id := coalesce(new.id, statehouse.new_id());
if kind_ <> 'import' then
  if not ({creators}) then
    perform statehouse.refuse_create({entity}, role_);
  end if;
  if new.state is not null and new.state <> {initial} then
    perform statehouse.refuse_beginning({entity}, new.state, {initial});
  end if;
end if;
new.state := coalesce(new.state, {initial});
",
        initial = literal(cx.initial())
    )
}

fn numbered(cx: &Cx<'_>, entity: &str) -> String {
    let Some(reference) = &cx.entity.reference else { return String::new() };
    format!(
        "-- a number of the tenant's own; gaps are allowed
new.number := statehouse.next_number(tenant_, {entity});
new.reference := {} || lpad(new.number::text, greatest({}, length(new.number::text)), '0') || {};
",
        literal(&reference.prefix),
        reference.width,
        literal(&reference.suffix)
    )
}

fn defaults(cx: &Cx<'_>) -> Result<String, CompileFault> {
    let mut body = String::from("-- values nobody gave\n");
    for (field, f) in &cx.entity.fields {
        if let Some(default) = &f.default {
            let printed = cx.print(default, "new", Purpose::Default)?;
            let _ = writeln!(body, "new.{0} := coalesce(new.{0}, {1});", ident(field), printed.sql);
        }
    }
    Ok(body)
}

/// The first link of the record's chain.
fn sealed(cx: &Cx<'_>, entity: &str) -> String {
    format!(
        "-- version, head
new.version := 1;
new.verb := case kind_ when 'import' then 'imported' else 'created' end;
new.changed_at := statehouse.now();
new.entered_at := coalesce(new.entered_at, new.changed_at);
if new.entered_at > new.changed_at then new.entered_at := new.changed_at; end if;
new.fire := null;
new.input := null;
new.head := statehouse.chain(decode(repeat('00', 32), 'hex'), tenant_, {entity}, new.id, 1, new.verb, null, new.state, actor_, new.changed_at,
                             {schema}.definition(), sha256(convert_to(statehouse.changes('{{}}', to_jsonb(new), {fields})::text, 'UTF8')),
                             kind_, nullif(current_setting('statehouse.cause', true), ''));
return new;",
        schema = cx.schema(),
        fields = cx.carried_columns()
    )
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
    let mut body = String::new();
    for (who, access) in &cx.entity.access {
        let (true, false, See::Rule(rule)) = (access.create, access.capability, &access.see) else { continue };
        let column = ident(&rule.field);
        let refuse = format!("perform statehouse.refuse_fields({entity}, new.id, new.state, {});", array([&rule.field]));
        let _ = match &rule.with {
            // Who holds a link makes nothing; `check` says so first.
            RuleValue::Linked => writeln!(body, "if role_ = {} then {refuse} end if;", literal(who)),
            RuleValue::Actor => writeln!(
                body,
                "if role_ = {0} then\n  new.{column} := coalesce(new.{column}, actor_);\n  if new.{column} <> actor_ then {refuse} end if;\nend if;",
                literal(who)
            ),
            RuleValue::Set(set) => writeln!(
                body,
                "if role_ = {} and (new.{column} = any ({}.{}(tenant_, actor_))) is not true then {refuse} end if;",
                literal(who),
                cx.schema(),
                ident(&format!("{set}_of"))
            ),
        };
    }
    body
}
