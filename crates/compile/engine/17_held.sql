-- What a restore holds, and how people let it go.
--
-- After a restore the outside has gone on without this database: what its rows owe may have been done, asked for or paid
-- since. So nothing of an older epoch is done by itself: no effect is sent, no message looked at, no timer rings, no
-- schedule fires, no subscriber is told. Sources are asked, because that only looks, and what they say is held too. What
-- people do from then on is of the epoch in force, and goes on as ever.
--
-- Each held thing has an id that says what it is: `effect:{record}-{seq}-{n}`, `message:{id}`, `timer:{record}:{verb}`,
-- `schedule:{name}`, `source:{name}`, `delivery:{id of the message}`.

create type statehouse.held_thing as (id text, kind text, entity text, record uuid, verb text, name text, due_at timestamptz, doubt boolean);
comment on type statehouse.held_thing is 'Something a restore holds: what it is about, its connector and action, source or schedule, and since when it is due';

create function statehouse.held_things(c statehouse.context, wanted_kind text) returns setof statehouse.held_thing
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  epoch_ constant int := statehouse.epoch();
begin
  return query
    select format('effect:%s-%s-%s', replace(e.record::text, '-', ''), e.seq, e.n), 'effect', split_part(e.entity, '.', 2), e.record, e.verb,
           e.connector || '.' || e.action, e.due_at, e.doubt
      from statehouse.effect e
     where e.tenant = c.tenant and e.app = c.app and e.state = 'held' and e.code is distinct from 'erased' and coalesce(wanted_kind, 'effect') = 'effect'
    union all
    select 'message:' || m.id, 'message', split_part(m.entity, '.', 2), m.record, m.verb, m.source, coalesce(m.due_at, m.received_at), null
      from statehouse.message m
     where m.tenant = c.tenant and m.app = c.app and m.epoch < epoch_ and m.state in ('due', 'waiting') and coalesce(wanted_kind, 'message') = 'message'
    union all
    select format('timer:%s:%s', t.record, t.verb), 'timer', split_part(t.entity, '.', 2), t.record, t.verb, '', coalesce(t.since, t.due_at), null
      from statehouse.timer t
     where t.tenant = c.tenant and t.entity like c.app || '.%' and t.epoch < epoch_ and coalesce(wanted_kind, 'timer') = 'timer'
    union all
    select 'schedule:' || k.schedule, 'schedule', null, null, null, k.schedule, k.slot, null
      from statehouse.held_schedules(c.tenant, epoch_) k
     where k.app = c.app and coalesce(wanted_kind, 'schedule') = 'schedule'
    union all
    select 'source:' || p.source, 'source', null, null, null, p.source, p.due_at, null
      from statehouse.poll p
     where p.tenant = c.tenant and p.app = c.app and p.epoch < epoch_ and coalesce(wanted_kind, 'source') = 'source'
    union all
    select 'delivery:' || statehouse.webhook_id(d.subscription, d.xid, d.n), 'delivery', null, null, null, d.type, d.due_at, d.attempt > 0
      from statehouse.delivery d
      join statehouse.subscription s on s.tenant = d.tenant and s.id = d.subscription and s.app = c.app
     where d.tenant = c.tenant and d.state = 'due' and d.epoch < epoch_ and coalesce(wanted_kind, 'delivery') = 'delivery';
end $$;
comment on function statehouse.held_things(statehouse.context, text) is 'All that a restore holds of the caller''s tenant and app, of one kind or of all; callable by the owner only';

create function statehouse.held_back(wanted_kind text default null, after_due_at timestamptz default null, after_id text default null, most int default 200)
  returns setof statehouse.held_thing
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  return query
    select h.* from statehouse.held_things(c, wanted_kind) h
     where after_due_at is null or (h.due_at, h.id) > (after_due_at, after_id)
     order by h.due_at, h.id
     limit least(greatest(most, 0), 1000);
end $$;
comment on function statehouse.held_back(text, timestamptz, text, int) is
  'A page of what a restore holds of the caller''s tenant and app, what was due first first; asks for `outside.manage`';

-- ── letting go ───────────────────────────────────────────────────────────────
-- What an id names, in parts: the kind, and then what each kind is known by. Null where it is no id.
create function statehouse.read_held(id text) returns text[]
  language sql immutable parallel safe
  return coalesce(
    regexp_match(id, '^(effect):([0-9a-f]{32})-([0-9]{1,9})-([0-9]{1,9})$'),
    regexp_match(id, '^(message):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$'),
    regexp_match(id, '^(timer):([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([a-z0-9_.]{1,127})$'),
    regexp_match(id, '^(schedule|source):([a-z][a-z0-9_]{0,62})$'),
    regexp_match(id, '^(delivery):msg_([0-9a-f]{32})_([0-9]{1,18})_([0-9]{1,18})$'));
comment on function statehouse.read_held(text) is 'The parts of the id of a held thing; null where it is none';

create function statehouse.release_one(c statehouse.context, id text) returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  part   constant text[] := statehouse.read_held(id);
  epoch_ constant int := statehouse.epoch();
  now_   constant timestamptz := statehouse.now();
begin
  case part[1]
    when 'effect' then
      return statehouse.replay_effect(c, part[2]::uuid, part[3]::int, part[4]::int, '{held}');
    when 'message' then
      update statehouse.message m set epoch = epoch_, due_at = greatest(m.due_at, now_)
       where m.tenant = c.tenant and m.app = c.app and m.id = part[2]::uuid and m.epoch < epoch_ and m.state in ('due', 'waiting');
    when 'timer' then
      update statehouse.timer t set epoch = epoch_
       where t.tenant = c.tenant and t.record = part[2]::uuid and t.verb = part[3] and t.entity like c.app || '.%' and t.epoch < epoch_;
    when 'schedule' then
      -- What was begun goes on, and what was missed meanwhile is caught up as the schedule says.
      update statehouse.slot s set epoch = epoch_
       where s.tenant = c.tenant and s.app = c.app and s.schedule = part[2] and s.epoch < epoch_
         and (s.state in ('due', 'leased')
              or s.slot = (select max(l.slot) from statehouse.slot l where l.tenant = c.tenant and l.app = c.app and l.schedule = part[2]));
    when 'source' then
      update statehouse.poll p set epoch = epoch_ where p.tenant = c.tenant and p.app = c.app and p.source = part[2] and p.epoch < epoch_;
    when 'delivery' then
      update statehouse.delivery d set epoch = epoch_
       where d.tenant = c.tenant and d.subscription = part[2]::uuid and d.xid = part[3]::xid8 and d.n = part[4]::bigint and d.state = 'due' and d.epoch < epoch_
         and exists (select from statehouse.subscription s where s.tenant = c.tenant and s.id = d.subscription and s.app = c.app);
    else
      return false;
  end case;
  return found;
end $$;
comment on function statehouse.release_one(statehouse.context, text) is 'Lets one held thing go on in the epoch in force; whether this call did; callable by the owner only';

-- One row of who let go what; of many only how many there were.
create function statehouse.note_held(c statehouse.context, what text, ids text[], evidence text default null) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if cardinality(ids) > 0 then
    perform statehouse.note(c, what, null, jsonb_strip_nulls(jsonb_build_object('count', cardinality(ids), 'ids', ids[1:20], 'evidence', evidence)));
  end if;
end $$;
comment on function statehouse.note_held(statehouse.context, text, text[], text) is 'Leaves a row about what somebody let go or put away; callable by the owner only';

create function statehouse.release_held(ids text[]) returns table (id text, released boolean)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c    constant statehouse.context := statehouse.admit('outside.manage');
  done text[] := '{}';
begin
  if cardinality(ids) > 200 then
    perform statehouse.refuse('SH8002', format('%s things in one call', cardinality(ids)), '{}', 'let at most 200 go at once, or all of a kind');
  end if;
  for id in select distinct i from unnest(ids) i order by i loop
    released := statehouse.release_one(c, id);
    if released then done := done || id; end if;
    return next;
  end loop;
  perform statehouse.note_held(c, 'held_released', done);
  perform statehouse.ring();
end $$;
comment on function statehouse.release_held(text[]) is
  'Lets held things go on; says of each whether this call did, so that a second one does nothing; asks for `outside.manage`';

create function statehouse.release_all_held(wanted_kind text, most int) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c    constant statehouse.context := statehouse.admit('outside.manage');
  id   text;
  done text[] := '{}';
begin
  for id in
    select h.id from statehouse.held_things(c, wanted_kind) h order by h.due_at, h.id limit least(greatest(most, 0), 1000)
  loop
    if statehouse.release_one(c, id) then done := done || id; end if;
  end loop;
  perform statehouse.note_held(c, 'held_released', done);
  perform statehouse.ring();
  return cardinality(done);
end $$;
comment on function statehouse.release_all_held(text, int) is
  'Lets go at most so many of what a restore holds, of one kind or of all, what was due first first; how many. Asks for `outside.manage`';

-- ── putting away ─────────────────────────────────────────────────────────────
create function statehouse.discard_one(c statehouse.context, id text, evidence text) returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  part   constant text[] := statehouse.read_held(id);
  epoch_ constant int := statehouse.epoch();
  now_   constant timestamptz := statehouse.now();
begin
  case part[1]
    when 'effect' then
      perform from statehouse.effect e
        where e.tenant = c.tenant and e.app = c.app and e.record = part[2]::uuid and e.seq = part[3]::int and e.n = part[4]::int
          and e.state in ('held', 'dead', 'unknown');
      if not found then return false; end if;
      perform statehouse.resolve_effect(part[2]::uuid, part[3]::int, part[4]::int, false, evidence);
      return true;
    when 'message' then
      return statehouse.discard_message(c, part[2]::uuid, evidence);
    when 'timer' then
      delete from statehouse.timer t
       where t.tenant = c.tenant and t.record = part[2]::uuid and t.verb = part[3] and t.entity like c.app || '.%' and (t.epoch < epoch_ or t.attempt > 0);
    when 'schedule' then
      if not exists (select from statehouse.held_schedules(c.tenant, epoch_) k where k.app = c.app and k.schedule = part[2]) then return false; end if;
      update statehouse.slot s set state = 'skipped', epoch = epoch_, worker = null, leased_until = null, finished_at = now_
       where s.tenant = c.tenant and s.app = c.app and s.schedule = part[2] and s.state in ('due', 'leased') and s.epoch < epoch_;
      insert into statehouse.slot (tenant, app, schedule, slot, state, finished_at) values (c.tenant, c.app, part[2], now_, 'skipped', now_)
      on conflict do nothing;
      return true;
    when 'source' then
      update statehouse.poll p set epoch = epoch_, since = now_, place = null
       where p.tenant = c.tenant and p.app = c.app and p.source = part[2] and p.epoch < epoch_;
    when 'delivery' then
      update statehouse.delivery d set state = 'dead', finished_at = now_
       where d.tenant = c.tenant and d.subscription = part[2]::uuid and d.xid = part[3]::xid8 and d.n = part[4]::bigint and d.state = 'due' and d.epoch < epoch_
         and exists (select from statehouse.subscription s where s.tenant = c.tenant and s.id = d.subscription and s.app = c.app);
    else
      return false;
  end case;
  return found;
end $$;
comment on function statehouse.discard_one(statehouse.context, text, text) is
  'Puts one thing away for good: an effect has failed, a message is ignored, a timer is gone, a schedule and a source begin anew from now, a subscriber is not told. '
  'Whether this call did; callable by the owner only';

create function statehouse.discard_held(ids text[], evidence text) returns table (id text, discarded boolean)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c    constant statehouse.context := statehouse.admit('outside.manage');
  done text[] := '{}';
begin
  perform statehouse.insist_on_evidence(evidence);
  if cardinality(ids) > 200 then
    perform statehouse.refuse('SH8002', format('%s things in one call', cardinality(ids)), '{}', 'put away at most 200 at once');
  end if;
  for id in select distinct i from unnest(ids) i order by i loop
    discarded := statehouse.discard_one(c, id, btrim(evidence));
    if discarded then done := done || id; end if;
    return next;
  end loop;
  perform statehouse.note_held(c, 'held_discarded', done, btrim(evidence));
end $$;
comment on function statehouse.discard_held(text[], text) is
  'Puts away what was done or must not be done, as a member says and goes by; also a dead or unknown effect, a message that came to nothing, a timer that is refused. '
  'Says of each whether this call did; asks for `outside.manage`';

grant execute on function statehouse.held_back(text, timestamptz, text, int), statehouse.release_held(text[]), statehouse.release_all_held(text, int),
  statehouse.discard_held(text[], text) to statehouse_api;
