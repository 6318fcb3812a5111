//! The door for a new record.

use super::{definer, merge, returning, trigger, writers};
use crate::entity::persona::{Persona, creatable};
use crate::object::Object;
use crate::sql::{ident, literal};

/// None for who creates nothing.
pub(super) fn door(persona: &Persona<'_>) -> Option<Object> {
    if !creates(persona) {
        return None;
    }
    let cx = persona.cx;
    let system = persona.role == "system";
    let mut fields: Vec<String> = creatable(persona).into_iter().map(ident).collect();
    if system {
        fields.splice(0..0, ["id", "state", "entered_at"].map(str::to_owned));
    }
    let values: Vec<String> = fields.iter().map(|f| format!("new.{f}")).collect();
    let (reads, into) = returning(persona, |_| true);
    let body = format!(
        "if c.role is distinct from {role} or c.app is distinct from {app} then
  perform statehouse.refuse('SH2006', 'this door is for {role_name}', jsonb_build_object('entity', {entity}), 'use the schema of your own role');
end if;
perform statehouse.open_door(c);
insert into {table} as b ({columns})
values ({values})
returning {reads}
     into {into};
return new;",
        role = literal(persona.role),
        role_name = persona.role,
        app = literal(&cx.app.name),
        entity = literal(&cx.qualified()),
        table = cx.table(),
        columns = fields.join(", "),
        values = values.join(", ")
    );
    let why = format!("A new {} by {}", cx.entity.name, persona.role);
    let (function, object) = definer(persona, "insert", "declare\n  c constant statehouse.context := statehouse.ctx();\n", &body, &why);
    let grants = format!("grant insert ({}) on {} to {};\n", fields.join(", "), persona.view(&cx.entity.name), writers(persona));
    Some(merge(object, trigger(persona, &cx.entity.name, "insert", &function, &grants)))
}

fn creates(persona: &Persona<'_>) -> bool {
    persona.access.is_none_or(|a| a.create) || persona.cx.entity.access.values().any(|a| a.capability && a.create)
}
