//! Many records moved by one call: set-based where the move reads nothing but its own row, else one by one with a
//! savepoint each, so that one refused never touches another.

use std::fmt::Write as _;

use super::cx::persona_schema;
use super::door::{given, in_slice, writers};
use super::law::row_local;
use super::persona::Persona;
use crate::object::{Kind, Object};
use crate::sql::{array, ident, indent, literal};

/// The bulk door of one persona and the look through its eye.
pub fn objects(persona: &Persona<'_>) -> Vec<Object> {
    vec![visible(persona), bulk(persona)]
}

fn visible(persona: &Persona<'_>) -> Object {
    let name = format!("{}_visible", persona.cx.entity.name);
    let function = persona.view(&name);
    let sql = format!(
        "set role {eye};
create function {function}(wanted uuid[]) returns table (id uuid, version int)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query select r.id, r.version from {table} r where r.id = any (wanted);
end $$;
comment on function {function}(uuid[]) is 'Which of these records the caller sees: row-level security is judged as {eye}';
revoke execute on function {function}(uuid[]) from public;
grant execute on function {function}(uuid[]) to statehouse_owner;
set role statehouse_owner;
",
        eye = persona.eye(),
        table = persona.cx.table()
    );
    Object::new(Kind::Function, &persona_schema(persona.cx.app, persona.role), &name, sql)
}

/// Lock targets come before rows, in one order, as in the door of a single move.
fn locks(persona: &Persona<'_>) -> String {
    let cx = persona.cx;
    let mut locks = String::new();
    for (verb, transition) in &cx.entity.transitions {
        if let Some(lock) = &transition.lock {
            let _ = write!(
                locks,
                "
  if fire_ = {} then   -- lock targets before rows, in one order
    perform statehouse.take_lock(c.tenant, l.target)
       from (select distinct b.{} as target from {} b join {}(ids_) v on v.id = b.id where b.tenant = c.tenant order by 1) l;
  end if;",
                literal(verb),
                ident(lock),
                cx.table(),
                persona.view(&format!("{}_visible", cx.entity.name))
            );
        }
    }
    locks
}

fn bulk(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let name = format!("{}_bulk", cx.entity.name);
    let function = format!("{}.{}", cx.schema(), ident(&format!("{}_{}_bulk", cx.entity.name, persona.role)));
    let local: Vec<&String> = cx.entity.transitions.iter().filter(|(_, t)| row_local(cx, t)).map(|(v, _)| v).collect();
    let locks = locks(persona);
    let slice = in_slice(persona, "b", "c");
    let given = given::handed(persona, "input_", ("c.tenant", "c"));
    let given_own = given::handed(persona, "own", ("c.tenant", "c"));
    let outer = persona.view(&name);
    let sql = format!(
        "create function {function}(ids_ uuid[], fire_ text, input_ jsonb, keys_ text[], versions_ int[], inputs_ jsonb[])
  returns table (id uuid, outcome text, state text, version int, errcode text, message text, detail text, help text)
  language plpgsql security definer
  {settings}
as $door$
#variable_conflict use_column
declare
  c     constant statehouse.context := statehouse.ctx();
  item  record;
  found_ids      uuid[];
  found_states   text[];
  found_versions int[];
  found_inputs   jsonb[];
  own            jsonb;   -- what one record is handed: its own input, else the one of the call
  before         constant text := current_setting('lock_timeout');
  patience       interval := '2 seconds';
begin
  if c.role is distinct from {role} or c.app is distinct from {app} then
    perform statehouse.refuse('SH2006', 'this door is for {role_name}', jsonb_build_object('entity', {entity}), 'use the schema of your own role');
  end if;
  if cardinality(ids_) > 1000 then
    perform statehouse.refuse('SH8002', format('%s records in one call', cardinality(ids_)), '{{}}', 'move at most 1000 at once');
  end if;
  if fire_ is null or fire_ like '~%' then fire_ := 'none'; end if;   -- an edit is no bulk move
  perform statehouse.open_door(c);
  -- set-based: each named once, visible, fresh and new, and none is refused
  if fire_ = any ({local}::text[]){no_own_refs} then
    begin
      select array_agg(v.id order by v.id), array_agg(v.version order by v.id), array_agg(coalesce(w.input, input_) order by v.id)
        into found_ids, found_versions, found_inputs
        from {visible}(ids_) v left join unnest(ids_, versions_, inputs_) as w (id, version, input) on w.id = v.id
       where coalesce(w.version, v.version) = v.version;
      if cardinality(found_ids) = cardinality(ids_) and (select count(distinct i) from unnest(ids_) i) = cardinality(ids_) then
{given_all}        perform from {table} b where b.tenant = c.tenant and b.id = any (ids_) order by b.id for no key update;
        if keys_ is not null then
          perform set_config('lock_timeout', '2s', true);   -- a key in flight is not waited for longer
          insert into statehouse.key (tenant, actor, key, fingerprint, entity, record, seq, at)
          select c.tenant, c.actor, w.key, {fingerprint}, {entity}, b.id, b.version + 1, statehouse.now()
            from unnest(ids_, keys_, inputs_) as w (id, key, input) join {table} b on b.tenant = c.tenant and b.id = w.id
           where w.key is not null;
          perform set_config('lock_timeout', before, true);
        end if;
        -- whoever waited for a lock is judged again: version and slice, on the row as it is now
        with moved as (
          update {table} b set fire = fire_, input = w.input
            from unnest(found_ids, found_versions, found_inputs) as w (id, version, input)
           where b.tenant = c.tenant and b.id = w.id and b.version = w.version{slice}
          returning b.id, b.state, b.version)
        select array_agg(m.id), array_agg(m.state), array_agg(m.version) into found_ids, found_states, found_versions from moved m;
        if cardinality(found_ids) = cardinality(ids_) then
          return query
            select m.id, 'moved'::text, m.state, m.version, null::text, null::text, null::text, null::text
              from unnest(found_ids, found_states, found_versions) as m (id, state, version);
          return;
        end if;
        raise exception using errcode = 'S9001', message = 'not all moved';   -- undone; each is judged by itself
      end if;
    exception when others then
      null;
    end;
  end if;
  -- one by one, in the order of their ids, each behind a savepoint{locks}
  for item in
    select w.id, w.key, w.version as seen, w.input, v.version
      from unnest(ids_, keys_, versions_, inputs_) as w (id, key, version, input)
      left join {visible}(ids_) v on v.id = w.id
     order by w.id
  loop
    begin
      id := item.id; outcome := 'absent'; state := null; version := null; errcode := null; message := null; detail := null; help := null;
      if item.version is null then return next; continue; end if;
      outcome := 'moved';
      own := coalesce(item.input, input_);
      if item.key is not null then
        if not statehouse.claim_key(c.tenant, c.actor, item.key, {fingerprint_item}, '{{}}', {entity}, item.id, item.version + 1, patience) then
          outcome := 'replayed';
          version := statehouse.seen_key(c.tenant, c.actor, item.key, {fingerprint_item}, '{{}}', '{{}}');
          select e.to_state into state from statehouse.event e
           where e.tenant = c.tenant and e.entity = {entity} and e.record = item.id and e.seq = version;
        end if;
      end if;
      if outcome = 'moved' and item.seen <> item.version then
        perform statehouse.refuse_stale({entity}, item.id, item.version, item.seen);
      end if;
      if outcome = 'moved' then
{given_one}        update {table} b set fire = fire_, input = own
         where b.tenant = c.tenant and b.id = item.id and b.version = item.version{slice}
        returning b.state, b.version into state, version;
        if not found then perform statehouse.refuse_stale({entity}, item.id, null, item.version); end if;
      end if;
    exception when others then
      get stacked diagnostics errcode = returned_sqlstate, message = message_text, detail = pg_exception_detail, help = pg_exception_hint;
      if errcode = '55P03' then patience := '1 millisecond'; end if;   -- a call waits for keys in flight but once
      outcome := case when errcode in ('40001', '40P01') then 'conflict' else 'refused' end;   -- a conflict may be tried again
    end;
    return next;
  end loop;
end $door$;
comment on function {function}(uuid[], text, jsonb, text[], int[], jsonb[]) is {why};
grant execute on function {function}(uuid[], text, jsonb, text[], int[], jsonb[]) to {eye};
set role {eye};
create function {outer}(ids uuid[], fire text, input jsonb default null, keys text[] default null, versions int[] default null,
                inputs jsonb[] default null)
  returns table (id uuid, outcome text, state text, version int, errcode text, message text, detail text, help text)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query select * from {function}(ids, fire, input, keys, versions, inputs);
end $$;
comment on function {outer}(uuid[], text, jsonb, text[], int[], jsonb[]) is {why};
revoke execute on function {outer}(uuid[], text, jsonb, text[], int[], jsonb[]) from public;
grant execute on function {outer}(uuid[], text, jsonb, text[], int[], jsonb[]) to {writers};
set role statehouse_owner;
",
        role = literal(persona.role),
        role_name = persona.role,
        app = literal(&cx.app.name),
        entity = literal(&cx.qualified()),
        local = array(&local),
        settings = cx.door_settings(),
        slice = slice,
        given_all = indent(&given, 8),
        given_one = indent(&given_own, 8),
        no_own_refs = if given.is_empty() { "" } else { " and inputs_ is null" },
        table = cx.table(),
        visible = persona.view(&format!("{}_visible", cx.entity.name)),
        fingerprint = fingerprint("coalesce(w.input, input_)", "b.id"),
        fingerprint_item = fingerprint("own", "item.id"),
        why = literal(&format!("Many moves of {} by {}: a verdict for each", cx.entity.name, persona.role)),
        eye = persona.eye(),
        writers = writers(persona),
    );
    Object::new(Kind::Function, &cx.app.name, &format!("{}_{}_bulk", cx.entity.name, persona.role), sql)
}

/// The same bytes as the door of a single move makes, so that a key means one request whichever way it came.
fn fingerprint(input: &str, id: &str) -> String {
    format!("sha256(convert_to(jsonb_build_object('fire', fire_, 'input', {input}, 'id', {id})::text, 'UTF8'))")
}
