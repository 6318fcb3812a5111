-- The words every law uses: who acts, how a refusal reads, how a cascade acts in the engine's own name.

create function statehouse.acting() returns uuid
  language plpgsql stable
as $$
begin
  return current_setting('statehouse.actor')::uuid;
end $$;
comment on function statehouse.acting() is 'Inside the law: the actor the door verified, or the engine in a cascade';

create function statehouse.acting_role() returns text
  language plpgsql stable
as $$
begin
  return current_setting('statehouse.role');
end $$;
comment on function statehouse.acting_role() is 'Inside the law: the role the door verified';

create function statehouse.keep() returns trigger
  language plpgsql
as $$
begin
  if tg_op = 'DELETE' then
    if statehouse.erased(old.tenant) then return old; end if;
  end if;
  perform statehouse.refuse('SH4014', format('records of `%s.%s` are never deleted', tg_table_schema, tg_table_name),
    jsonb_build_object('entity', tg_table_schema || '.' || tg_table_name), 'move the record to a final state, or erase its subject');
end $$;
comment on function statehouse.keep() is 'Refuses every truncate, and every delete but of a tenant that is being erased';

-- An event may lose its payload (erasure of a subject) and nothing else.
create function statehouse.keep_event() returns trigger
  language plpgsql
as $$
begin
  if tg_op = 'UPDATE' and new.payload is null
     and (new.tenant, new.entity, new.record, new.seq, new.at, new.verb, new.to_state, new.actor, new.payload_hash, new.previous, new.head)
         is not distinct from
         (old.tenant, old.entity, old.record, old.seq, old.at, old.verb, old.to_state, old.actor, old.payload_hash, old.previous, old.head) then
    return new;
  end if;
  if tg_op = 'DELETE' and statehouse.erased(old.tenant) then return old; end if;
  perform statehouse.refuse('SH4014', 'events are never changed or deleted', '{}', 'correct the record with a new move; the event of the mistake stays');
end $$;
comment on function statehouse.keep_event() is 'Refuses every change of an event but the erasure of its payload or of its whole tenant';
create trigger kept before update or delete on statehouse.event for each row execute function statehouse.keep_event();
create trigger kept_whole before truncate on statehouse.event for each statement execute function statehouse.keep();

create function statehouse.next_number(wanted_tenant int, wanted_entity text) returns bigint
  language plpgsql
as $$
declare
  taken bigint;
begin
  insert into statehouse.counter as c (tenant, entity, next) values (wanted_tenant, wanted_entity, 2)
  on conflict (tenant, entity) do update set next = c.next + 1
  returning c.next - 1 into taken;
  return taken;
end $$;
comment on function statehouse.next_number(int, text) is 'The next readable number of an entity in a tenant';

-- A cascade acts as `system`; what the door wrote comes back afterwards.
create function statehouse.act_as_system(cause text) returns text[]
  language plpgsql
as $$
declare
  before text[] := array[current_setting('statehouse.actor'), current_setting('statehouse.role'), current_setting('statehouse.kind'),
                         current_setting('statehouse.capabilities'), current_setting('statehouse.cause', true), current_setting('statehouse.depth', true)];
  depth  int := coalesce(nullif(before[6], '')::int, 0) + 1;
begin
  if depth > 8 then
    perform statehouse.refuse('SH4013', format('the cascade from `%s` goes deeper than 8 moves', cause), '{}', 'break the chain of auto and each');
  end if;
  perform set_config('statehouse.actor', '00000000-0000-0000-0000-000000000000', true), set_config('statehouse.role', 'system', true),
          set_config('statehouse.kind', 'system', true), set_config('statehouse.capabilities', '{}', true),
          set_config('statehouse.cause', cause, true), set_config('statehouse.depth', depth::text, true);
  return before;
end $$;
comment on function statehouse.act_as_system(text) is 'Moves fired by a move are the engine''s own, with their cause; depth at most 8';

create function statehouse.act_again(before text[]) returns void
  language plpgsql
as $$
begin
  perform set_config('statehouse.actor', before[1], true), set_config('statehouse.role', before[2], true),
          set_config('statehouse.kind', before[3], true), set_config('statehouse.capabilities', before[4], true),
          set_config('statehouse.cause', coalesce(before[5], ''), true), set_config('statehouse.depth', coalesce(before[6], '0'), true);
end $$;
comment on function statehouse.act_again(text[]) is 'Gives the context back after a cascade';

-- A text in the caller's language, else in the app's first.
create function statehouse.say(texts jsonb) returns text
  language plpgsql stable
as $$
begin
  return coalesce(texts ->> current_setting('statehouse.locale', true), (select t.value from jsonb_each_text(texts) t limit 1), '');
end $$;
comment on function statehouse.say(jsonb) is 'A text in the locale of the setting statehouse.locale, else the first there is';

-- ── how refusals read ────────────────────────────────────────────────────────
create function statehouse.refuse_verb(entity text, record uuid, verb text, state text, leaves text[], who text) returns void
  language plpgsql
as $$
declare
  deadline record;
begin
  if state <> all (leaves) then
    -- At a deadline whoever commits first wins; who came late is told what decided.
    select e.verb, e.at, e.kind, e.from_state into deadline from statehouse.event e
     where e.tenant = current_setting('statehouse.tenant')::int and e.entity = refuse_verb.entity and e.record = refuse_verb.record
       and e.from_state <> e.to_state
     order by e.seq desc limit 1;
    if deadline.kind = 'timer' and deadline.from_state = any (leaves) then
      perform statehouse.refuse('SH4016', format('`%s` is too late: `%s` moved it to `%s`', verb, deadline.verb, state),
        jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'deadline', deadline.verb, 'at', deadline.at),
        'the deadline has decided; see what is open to you now');
    end if;
    perform statehouse.refuse('SH4002', format('`%s` is not open from `%s`', verb, state),
      jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'leaves', to_jsonb(leaves)),
      format('`%s` leaves %s', verb, array_to_string(leaves, ', ')));
  end if;
  perform statehouse.refuse('SH4003', format('`%s` is not for `%s`', verb,
      case when current_setting('statehouse.role') = 'system' then current_setting('statehouse.kind') else current_setting('statehouse.role') end),
    jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'role', current_setting('statehouse.role')),
    format('ask %s', who));
end $$;

create function statehouse.refuse_unknown(entity text, record uuid, verb text, state text, open text[]) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4001', format('`%s` has no verb `%s`', entity, verb),
    jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'open', to_jsonb(open)),
    case when open = '{}' then 'nothing is open to you here' else format('open to you from `%s`: %s', state, array_to_string(open, ', ')) end);
end $$;

create function statehouse.refuse_state(entity text, record uuid, state text, wanted text, fitting text[], open text[]) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4007',
    case when cardinality(fitting) > 1 then format('several verbs lead from `%s` to `%s`', state, wanted)
         else format('no verb open to you leads from `%s` to `%s`', state, wanted) end,
    jsonb_build_object('entity', entity, 'record', record, 'state', state, 'wanted', wanted, 'open', to_jsonb(open)),
    case when cardinality(fitting) > 1 then format('set fire to one of: %s', array_to_string(fitting, ', '))
         when open = '{}' then 'nothing is open to you here'
         else format('open to you from `%s`: %s', state, array_to_string(open, ', ')) end);
end $$;

create function statehouse.refuse_contradiction(entity text, record uuid, state text, wanted text, verb text) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4008', format('`%s` does not lead to `%s`', verb, wanted),
    jsonb_build_object('entity', entity, 'record', record, 'state', state, 'verb', verb, 'wanted', wanted), 'set fire or state, not both');
end $$;

create function statehouse.refuse_guards(entity text, record uuid, verb text, state text, guards jsonb) returns void
  language plpgsql
as $$
declare
  refused_by jsonb;
begin
  select jsonb_agg(jsonb_build_object('guard', g.value ->> 'guard', 'message', statehouse.say(g.value -> 'texts')) order by g.ordinality)
    into refused_by
    from jsonb_array_elements(guards) with ordinality g where g.value <> 'null';
  perform statehouse.refuse('SH4004',
    format('`%s` is refused: %s', verb, (select string_agg(r ->> 'message', '; ') from jsonb_array_elements(refused_by) r)),
    jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'refused_by', refused_by),
    (select string_agg(r ->> 'message', '; ') from jsonb_array_elements(refused_by) r));
end $$;

create function statehouse.refuse_fields(entity text, record uuid, state text, fields text[]) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4005', format('not yours to write in `%s`: %s', state, array_to_string(fields, ', ')),
    jsonb_build_object('entity', entity, 'record', record, 'state', state, 'fields', to_jsonb(fields), 'role', current_setting('statehouse.role')),
    'leave these fields as they are, or fire the verb that takes them');
end $$;

create function statehouse.refuse_missing(entity text, record uuid, verb text, state text, entering text, field text) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4006', format('`%s` needs `%s`', entering, field),
    jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'field', field), format('give `%s` first', field));
end $$;

create function statehouse.refuse_input(entity text, record uuid, verb text, state text, input jsonb, takes text[]) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4009',
    case when jsonb_typeof(input) <> 'object' then format('the input of `%s` must be a JSON object', verb)
         else format('`%s` does not take: %s', verb, (select string_agg(k, ', ') from jsonb_object_keys(input) k where k <> all (takes))) end,
    jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'takes', to_jsonb(takes)),
    case when takes = '{}' then format('fire `%s` without input', verb) else format('`%s` takes: %s', verb, array_to_string(takes, ', ')) end);
end $$;

create function statehouse.refuse_unhanded(entity text, record uuid, verb text, state text, field text) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4009', format('`%s` must be handed `%s`', verb, field),
    jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'field', field),
    format('set input to {"%s": …}', field));
end $$;

create function statehouse.refuse_create(entity text, role text) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4003', format('`%s` may not create `%s`', role, entity), jsonb_build_object('entity', entity, 'verb', 'create', 'role', role),
    'ask somebody whose role may');
end $$;

-- One sentence for a record that is not there and for one out of sight: a difference would already say too much.
create function statehouse.refuse_ref(entity text, field text, leads_to text) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4020', format('`%s` names no `%s` you can see', field, leads_to),
    jsonb_build_object('entity', entity, 'field', field, 'to', leads_to), format('name a `%s` of your own view', leads_to));
end $$;

create function statehouse.refuse_beginning(entity text, wanted text, initial text) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4010', format('`%s` begins as `%s`, not as `%s`', entity, initial, wanted),
    jsonb_build_object('entity', entity, 'state', wanted), format('create it as `%s` and fire its verbs', initial));
end $$;

create function statehouse.refuse_stale(entity text, record uuid, version int, seen int) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4012', format('`%s` %s is at version %s, you saw %s', entity, record, coalesce(version::text, 'another'), seen),
    jsonb_build_object('entity', entity, 'record', record, 'version', version, 'seen', seen), 'fetch it again and decide on its new state');
end $$;

create function statehouse.refuse_args(effect text, args jsonb) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4006', format('`%s` would go out with a blank: %s', effect,
      (select string_agg(a.key, ', ') from jsonb_each(args) a where a.value = 'null')),
    jsonb_build_object('effect', effect), 'fill these in first');
end $$;

-- A key seen before: the same request answers as it did, another request under the same key is refused. An edit is the
-- same request if it asks for the values it asked for then, whatever else has changed in the record since.
create function statehouse.seen_key(wanted_tenant int, wanted_actor uuid, wanted_key text, wanted_fingerprint bytea, wanted jsonb, whole jsonb) returns int
  language plpgsql
as $$
declare
  done statehouse.key;
begin
  select k.* into done from statehouse.key k where k.tenant = wanted_tenant and k.actor = wanted_actor and k.key = wanted_key;
  if not found then return null; end if;
  if done.fingerprint <> wanted_fingerprint or not whole @> done.asked
     or exists (select from jsonb_object_keys(wanted) w where not done.asked ? w) then
    perform statehouse.refuse('SH4018', format('the key `%s` was used for another request', wanted_key),
      jsonb_build_object('entity', done.entity, 'record', done.record), 'send a new key with a new request');
  end if;
  return done.seq;
end $$;
comment on function statehouse.seen_key(int, uuid, text, bytea, jsonb, jsonb) is 'The version a request with this key made, if it is the same request; null for a new key';

-- The engine's own doors: a timer, a connector or an import acts through its kind. Only the worker may open them.
create function statehouse.enter_as(wanted_kind text, wanted_tenant int, wanted_app text) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  token text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
begin
  if wanted_kind not in ('system', 'worker', 'timer', 'connector', 'import') then
    perform statehouse.refuse('SH2006', format('`%s` is no kind of the engine', wanted_kind), '{}', 'people enter with an API key');
  end if;
  perform from statehouse.tenant t where t.tenant = wanted_tenant and t.suspended_at is null for share;   -- who suspends it now waits, and ends this session
  if not found and exists (select from statehouse.tenant t where t.tenant = wanted_tenant) then
    perform statehouse.refuse('SH2011', 'the tenant is suspended', '{}', 'resume the tenant first');
  end if;
  insert into statehouse.session (token_hash, tenant, actor, role, kind, app, expires)
  values (sha256(convert_to(token, 'UTF8')), wanted_tenant, '00000000-0000-0000-0000-000000000000', 'system', wanted_kind, wanted_app,
          pg_catalog.now() + interval '1 hour');
  perform set_config('statehouse.session', token, false);
  return token;
end $$;
comment on function statehouse.enter_as(text, int, text) is 'A session of the engine itself, by kind, for one tenant and app';
grant execute on function statehouse.enter_as(text, int, text) to statehouse_worker;
