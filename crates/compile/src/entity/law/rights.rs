//! Who may edit which field in which state.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use statehouse_definition::model::{Access, Edit};

use super::{ACTOR, CAPABILITIES, standing};
use crate::entity::CompileFault;
use crate::entity::cx::{Cx, trigger_function};
use crate::object::Object;
use crate::sql::{array, ident, indent, literal, one_of};

/// The function behind `law_3_rights`: what changed must be a verb's inputs, or what the role may edit now.
pub(super) fn object(cx: &Cx<'_>) -> Result<Object, CompileFault> {
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
    let declare = format!("declare\n{ACTOR}{CAPABILITIES}  changed text[] := '{{}}';\n  allowed text[] := '{{}}';\n");
    Ok(trigger_function(cx, "rights", "Who may edit which field in which state", &declare, &body))
}

fn edit_rights(cx: &Cx<'_>) -> String {
    let mut body = String::new();
    for (who, access) in &cx.entity.access {
        let holds = holds(who, access);
        let writable: BTreeSet<&str> = cx.writable().into_iter().collect();
        let fields = |names: &[String]| array(names.iter().filter(|n| writable.contains(n.as_str())));
        match &access.edit {
            Edit::Nothing => {}
            Edit::All if cx.living().is_empty() => {}
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
