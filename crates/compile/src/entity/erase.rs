//! Forgetting a subject: personal fields go, payloads of its events go, the chain stays whole.

use std::fmt::Write as _;

use statehouse_definition::model::{Field, FieldKind};

use super::cx::Cx;
use crate::object::{Kind, Object};
use crate::sql::{ident, literal};

/// `client_erase(id)`, for an entity with personal fields of its own or in its children.
pub fn object(cx: &Cx<'_>) -> Option<Object> {
    let own = blanks(cx.entity.fields.iter());
    let children: Vec<(String, Vec<String>)> =
        cx.entity.children.iter().map(|(name, child)| (name.clone(), blanks(child.fields.iter()))).filter(|(_, b)| !b.is_empty()).collect();
    if own.is_empty() && children.is_empty() {
        return None;
    }
    let name = format!("{}_erase", cx.entity.name);
    let function = cx.function("erase");
    let mut body = format!(
        "  if current_setting('statehouse.kind') <> 'migration' then
    perform statehouse.refuse('SH2006', 'erasing is for an administrator', jsonb_build_object('entity', {entity}), 'use statehouse audit erase');
  end if;
  update statehouse.event e set payload = null where e.tenant = tenant_ and e.entity = {entity} and e.record = wanted;
",
        entity = literal(&cx.qualified())
    );
    body.push_str(&frozen(cx));
    for (child, sets) in &children {
        let _ = write!(
            body,
            "  perform set_config('statehouse.pricing', 'on', true);
  update {}.{} c set {} where c.tenant = tenant_ and c.{} = wanted;
  perform set_config('statehouse.pricing', '', true);
",
            cx.schema(),
            ident(&cx.child_table(child)),
            sets.join(", "),
            ident(&cx.entity.name)
        );
    }
    let mut sets = own;
    sets.push("fire = '~erase'".to_owned());
    let _ = write!(
        body,
        "  update {} r set {} where r.tenant = tenant_ and r.id = wanted;
  if not found then
    perform statehouse.refuse('SH1002', 'no such record in this tenant', jsonb_build_object('entity', {}, 'record', wanted), 'check the id');
  end if;
",
        cx.table(),
        sets.join(", "),
        literal(&cx.qualified())
    );
    let sql = format!(
        "create function {function}(wanted uuid) returns void
  language plpgsql
as $$
declare
  tenant_ constant int := current_setting('statehouse.tenant');
begin
{body}end $$;
comment on function {function}(uuid) is {};
",
        literal(&format!("Forgets the person a {} is about: values and payloads go, events and their chain stay", cx.entity.name))
    );
    Some(Object::new(Kind::Function, &cx.app.name, &name, sql))
}

/// Frozen arguments of effects and bodies of messages that are over hold the same values, also those of records that
/// point here.
fn frozen(cx: &Cx<'_>) -> String {
    let mut records = vec!["f.record = wanted".to_owned()];
    for other in cx.app.entities.values() {
        for (field, f) in &other.fields {
            if f.kind == FieldKind::Ref(cx.entity.name.clone()) {
                records.push(format!(
                    "f.record in (select o.id from {}.{} o where o.tenant = tenant_ and o.{} = wanted)",
                    cx.schema(),
                    ident(&other.name),
                    ident(field)
                ));
            }
        }
    }
    let records = records.join("\n          or ");
    let mut body = format!(
        "  update statehouse.effect f set args = '{{}}', result = null, code = 'erased'
   where f.tenant = tenant_ and f.state not in ('due', 'leased')
     and ({records});
"
    );
    if !cx.app.inboxes.is_empty() {
        let _ = write!(
            body,
            "  update statehouse.message f set body = '', headers = '{{}}', query = '', input = null, fetched = null, why = null, forgotten_at = statehouse.now()
   where f.tenant = tenant_ and f.state not in ('due', 'leased', 'waiting')
     and ({records});
"
        );
    }
    body
}

fn blanks<'a>(fields: impl Iterator<Item = (&'a String, &'a Field)>) -> Vec<String> {
    fields
        .filter(|(_, f)| f.personal && f.derived.is_none())
        .map(|(name, f)| {
            let blank = match (f.required, &f.kind) {
                (false, _) => "null",
                (true, FieldKind::Phone) => "'+10000000'",
                (true, FieldKind::Email) => "'erased@invalid'",
                (true, FieldKind::Json) => "'{}'",
                (true, _) => "'erased'",
            };
            format!("{} = {blank}", ident(name))
        })
        .collect()
}
