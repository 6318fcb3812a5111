//! Who may fire a verb, as SQL over what the door wrote.

use statehouse_definition::model::{Actor, App, Kind, Through, Transition};

use super::cx::Cx;
use crate::object::{Kind as ObjectKind, Object};
use crate::sql::{array, ident, list, literal, one_of};

/// What the door wrote about capabilities, read only where a verb asks for one.
pub const CAPABILITIES: &str = "current_setting('statehouse.capabilities')::text[]";

/// `role_ = 'rep' or 'order.reassign' = any (…)`; false where nobody may. `capabilities` is how the caller names them.
/// A role held by links may only what the purpose of the link is for: its session holds `link.accept_quote` and no more.
pub fn allowed(cx: &Cx<'_>, verb: &str, transition: &Transition, capabilities: &str) -> String {
    let mut roles = Vec::new();
    let mut ways = Vec::new();
    for actor in &transition.by {
        match actor {
            Actor::Role(role) if !by_members(cx.app, role) => {
                let purposes = purposes(cx, role, verb);
                if !purposes.is_empty() {
                    ways.push(format!("role_ = {} and {capabilities} && {}::text[]", literal(role), array(&purposes)));
                }
            }
            Actor::Role(role) => roles.push(role.clone()),
            Actor::Capability(key) => ways.push(format!("{} = any ({capabilities})", literal(key))),
            Actor::Kind(Kind::System) => ways.push("kind_ in ('system', 'worker')".to_owned()),
            Actor::Kind(kind) => ways.push(format!("kind_ = {}", literal(kind.name()))),
        }
    }
    if !roles.is_empty() {
        ways.insert(0, one_of("role_", &roles));
    }
    if ways.is_empty() { "false".to_owned() } else { ways.join(" or ") }
}

fn by_members(app: &App, role: &str) -> bool {
    app.roles.get(role).is_none_or(|role| role.by == Through::Membership)
}

/// What sessions of links hold that are for this verb.
fn purposes(cx: &Cx<'_>, role: &str, verb: &str) -> Vec<String> {
    let links = cx.app.links.iter().filter(|(_, link)| link.role == role && link.entity == cx.entity.name);
    links.filter(|(_, link)| link.verbs.iter().any(|one| one == verb)).map(|(name, _)| format!("link.{name}")).collect()
}

/// The people and kinds that may fire a verb, for a sentence: `rep or admin`.
pub fn named(transition: &Transition) -> String {
    let words: Vec<String> = transition
        .by
        .iter()
        .map(|actor| match actor {
            Actor::Role(role) => role.clone(),
            Actor::Capability(key) => format!("whoever holds {key}"),
            Actor::Kind(kind) => kind.name().to_owned(),
        })
        .collect();
    words.join(" or ")
}

/// `order_verbs(from, to, …)`: the verbs open to an actor, which `set state = …` and every refusal ask.
pub fn objects(cx: &Cx<'_>) -> Vec<Object> {
    let name = format!("{}_verbs", cx.entity.name);
    let mut rows = Vec::new();
    for (place, (verb, transition)) in cx.entity.transitions.iter().enumerate() {
        let to = transition.to.as_deref().map_or("null::text".to_owned(), literal);
        rows.push(format!(
            "      ({}, {}, array{}, {to}, {})",
            place + 1,
            literal(verb),
            list(&transition.from).replace('(', "[").replace(')', "]"),
            allowed(cx, verb, transition, "capabilities_")
        ));
    }
    let rows = if rows.is_empty() { "      (0, ''::text, array[]::text[], null::text, false)".to_owned() } else { rows.join(",\n") };
    let function = format!("{}.{}", cx.schema(), ident(&name));
    let sql = format!(
        "create function {function}(from_state text, to_state text, role_ text, kind_ text, capabilities_ text[]) returns text[]
  language plpgsql stable
as $$
begin
  return coalesce((
    select array_agg(v.verb order by v.place) from (values
{rows}
    ) as v (place, verb, leaves, enters, allowed)
    where v.allowed and from_state = any (v.leaves) and (to_state is null or v.enters = to_state)), '{{}}');
end $$;
comment on function {function}(text, text, text, text, text[]) is 'The verbs open to an actor from a state (and into one, where given), guards aside';
"
    );
    vec![Object::new(ObjectKind::Function, &cx.app.name, &name, sql)]
}
