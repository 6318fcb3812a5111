//! The door for a new record.

use super::{definer, given, merge, returning, spent, trigger, writers};
use crate::entity::persona::{Persona, creatable};
use crate::object::Object;
use crate::sql::{array, ident, literal};

/// None for who creates nothing.
pub(super) fn door(persona: &Persona<'_>) -> Option<Object> {
    if !creates(persona) {
        return None;
    }
    let cx = persona.cx;
    let system = persona.role == "system";
    let mut fields: Vec<String> = creatable(persona).into_iter().map(ident).collect();
    let mut granted = fields.clone();
    granted.extend(["key", "input"].map(str::to_owned));
    fields.insert(0, "id".to_owned());
    if system {
        fields.splice(1..1, ["state", "entered_at"].map(str::to_owned));
        granted.extend(fields.iter().take(3).cloned());
    }
    let given = creatable(persona).into_iter().filter_map(|f| cx.entity.fields.get_key_value(f)).map(|(name, f)| (name.as_str(), f));
    let values: Vec<String> = fields.iter().map(|f| format!("new.{f}")).collect();
    let (reads, into) = returning(persona, |_| true);
    let body = format!(
        "if c.role is distinct from {role} or c.app is distinct from {app} then
  perform statehouse.refuse('SH2006', 'this door is for {role_name}', jsonb_build_object('entity', {entity}), 'use the schema of your own role');
end if;
perform statehouse.open_door(c);
{key}{spent}{given}insert into {table} as b ({columns})
values ({values})
returning {reads}
     into {into};
new.key := null;
new.input := null;
return new;",
        key = key(persona),
        spent = spent(persona, "c"),
        role = literal(persona.role),
        role_name = persona.role,
        app = literal(&cx.app.name),
        entity = literal(&cx.qualified()),
        given = given::new_row(persona, given, ("c.tenant", "c")),
        table = cx.table(),
        columns = fields.join(", "),
        values = values.join(", ")
    );
    let why = format!("A new {} by {}", cx.entity.name, persona.role);
    let declare = "declare\n  c constant statehouse.context := statehouse.ctx();\n  fingerprint_ bytea;\n";
    let (function, object) = definer(persona, "insert", declare, &body, &why);
    let grants = format!("grant insert ({}) on {} to {};\n", granted.join(", "), persona.view(&cx.entity.name), writers(persona));
    Some(merge(object, trigger(persona, &cx.entity.name, "insert", &function, &grants)))
}

/// A key makes a new record once; `input` is what else the caller adds under the same key, such as the rows it owns. It
/// comes before whatever may have changed since, and an answer given before keeps its key.
fn key(persona: &Persona<'_>) -> String {
    let cx = persona.cx;
    format!(
        "if new.key is not null then
  new.id := coalesce(new.id, statehouse.new_id());
  fingerprint_ := sha256(convert_to(jsonb_build_object('create', statehouse.changes('{{}}', to_jsonb(new), {asked}), 'input', new.input, 'of', {entity})::text, 'UTF8'));
  if not statehouse.claim_key(c.tenant, c.actor, new.key, fingerprint_, '{{}}', {entity}, new.id, 1) then
    new.version := statehouse.seen_key(c.tenant, c.actor, new.key, fingerprint_, '{{}}', '{{}}');
    select k.record, e.to_state into new.id, new.state
      from statehouse.key k
      join statehouse.event e on e.tenant = k.tenant and e.entity = k.entity and e.record = k.record and e.seq = k.seq
     where k.tenant = c.tenant and k.actor = c.actor and k.key = new.key;
    return new;
  end if;
end if;
",
        asked = array(creatable(persona)),
        entity = literal(&cx.qualified()),
    )
}

/// Whether somebody of this role may be able to make a record.
pub fn creates(persona: &Persona<'_>) -> bool {
    persona.access.is_none_or(|a| a.create) || persona.by_capability().any(|(_, a)| a.create)
}
