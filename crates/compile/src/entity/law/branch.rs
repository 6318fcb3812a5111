//! One verb's branch of the verdict: rights, inputs, `set`, computed, guards, required fields.

use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::Transition;

use super::calls;
use crate::entity::cx::{Cx, from_json};
use crate::entity::derived::Plan;
use crate::entity::{CompileFault, verbs};
use crate::sql::{array, ident, literal, one_of};

/// What the verdict does when this verb is fired.
pub(super) fn object(cx: &Cx<'_>, plan: &Plan, verb: &str, transition: &Transition) -> Result<String, CompileFault> {
    let entity = literal(&cx.qualified());
    let mut body = String::new();
    let to = transition.to.as_deref().unwrap_or("stays");
    let _ = writeln!(body, "-- {} → {to} · {}", transition.from.join(", "), verbs::named(transition));
    let _ = writeln!(
        body,
        "if not ({} and ({})) then\n  perform statehouse.refuse_verb({entity}, old.id, {}, old.state, {}, {});\nend if;",
        one_of("old.state", &transition.from),
        verbs::allowed(cx, verb, transition, verbs::CAPABILITIES),
        literal(verb),
        array(&transition.from),
        literal(&verbs::named(transition))
    );
    body.push_str(&calls::told(cx, verb, transition));
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
    body.push_str(&required(cx, &entity, verb, transition));
    let _ = writeln!(body, "payload := {};", payload(transition));
    Ok(body)
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

/// What the state it leads to requires.
fn required(cx: &Cx<'_>, entity: &str, verb: &str, transition: &Transition) -> String {
    let mut body = String::new();
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
    body
}

/// A guard as SQL: whether it holds, and what is said when it does not.
struct Asked<'a> {
    name: &'a str,
    that: String,
    refusal: String,
}

/// Each guard is asked once, so that two looks at a moving set cannot disagree; then all that failed are named.
fn guards(cx: &Cx<'_>, entity: &str, verb: &str, transition: &Transition) -> Result<String, CompileFault> {
    let mut asked = Vec::new();
    for (name, guard) in &transition.guards {
        let that = cx.print(&guard.that, "new", Purpose::Guard)?.sql;
        let texts = serde_json::to_string(&guard.otherwise).unwrap_or_default();
        let refusal = format!("jsonb_build_object('guard', {}, 'texts', {}::jsonb)", literal(name), literal(&texts));
        asked.push(Asked { name, that, refusal });
    }
    let refuse = |refusals: &str| {
        format!(
            "  perform statehouse.refuse_guards({entity}, old.id, {}, old.state, jsonb_build_array(\n    {refusals}));\nend if;\n",
            literal(verb)
        )
    };
    Ok(match asked.as_slice() {
        [] => String::new(),
        [only] => format!("if ({}) is not true then\n{}", only.that, refuse(&only.refusal)),
        several => format!("holds := array[\n{}];\nif false = any (holds) then\n{}", verdicts(several), refuse(&refusals(several))),
    })
}

/// `(…) is true,   -- covered`, a line a guard.
fn verdicts(guards: &[Asked<'_>]) -> String {
    let mut lines = String::new();
    for (n, guard) in guards.iter().enumerate() {
        let comma = if n + 1 < guards.len() { "," } else { "" };
        let _ = writeln!(lines, "  ({}) is true{comma}   -- {}", guard.that, guard.name);
    }
    lines
}

fn refusals(guards: &[Asked<'_>]) -> String {
    let each = guards.iter().enumerate().map(|(n, guard)| format!("case when not holds[{}] then {} end", n + 1, guard.refusal));
    each.collect::<Vec<_>>().join(",\n    ")
}
