-- Calls to subscribers: who is owed a message becomes somebody's to call, for a while, and what came of it is written down.
--
-- As with effects: a claim is a lease with a number, and whatever is said afterwards counts under that number alone. A
-- receiver is told a message again where nobody knows whether it had it, under the same id, so that it takes it once.
-- A receiver that fails is asked by one message at a time, and given up after five days in which it took none.

create index delivery_lane on statehouse.delivery (tenant, subscription, epoch, due_at) where state = 'due';
create index delivery_leased on statehouse.delivery (leased_until) where state = 'leased';
create index delivery_old on statehouse.delivery (finished_at) where finished_at is not null;

-- ── what may follow upon what ────────────────────────────────────────────────
create function statehouse.delivery_law() returns trigger
  language plpgsql
as $$
begin
  if (new.tenant, new.subscription, new.xid, new.n, new.type, new.body) is distinct from (old.tenant, old.subscription, old.xid, old.n, old.type, old.body) then
    perform statehouse.refuse('SH4014', 'a message stays as it was written', jsonb_build_object('subscription', old.subscription), 'leave it: another one is owed for what happens next');
  end if;
  if new.state <> old.state and old.state || ' → ' || new.state not in
       ('due → leased', 'due → dead', 'leased → done', 'leased → due', 'leased → dead')
     or new.attempt <> old.attempt + (old.state = 'due' and new.state = 'leased')::int
     or old.state = 'leased' and new.state = 'leased' and new.worker <> old.worker then
    perform statehouse.refuse('SH7026', format('a message that is `%s` under attempt %s does not become `%s` under %s', old.state, old.attempt, new.state, new.attempt),
      jsonb_build_object('subscription', old.subscription), 'claim it');
  end if;
  return new;
end $$;
comment on function statehouse.delivery_law() is 'Nobody rewrites a message that is owed, and none is sent again that was taken';
create trigger law before update on statehouse.delivery for each row execute function statehouse.delivery_law();

-- ── claiming ─────────────────────────────────────────────────────────────────
create type statehouse.lent_delivery as (
  tenant int, subscription uuid, xid text, n bigint, attempt int, id text, url text, body text, secret int, previous boolean, now timestamptz);
comment on type statehouse.lent_delivery is 'A message to a subscriber lent to a worker: whom to call with what, and by which claim it is held';

create function statehouse.claim_deliveries_of(worker text, wanted_tenant int, wanted uuid, most int, lease interval)
  returns setof statehouse.lent_delivery
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  s    statehouse.subscription;
  now_ constant timestamptz := statehouse.now();
begin
  perform set_config('statehouse.tenant', wanted_tenant::text, true);
  select f.* into s from statehouse.subscription f
   where f.tenant = wanted_tenant and f.id = wanted and f.state = 'active' and coalesce(f.rest_until, '-infinity') <= now_ for update skip locked;
  if found and not exists (select from statehouse.tenant t where t.tenant = wanted_tenant and t.suspended_at is not null) then
    if s.failing_since is not null then
      -- One asks whether it takes messages again; the others wait for what it says.
      most := 1;
      update statehouse.subscription f set rest_until = now_ + lease where f.tenant = wanted_tenant and f.id = wanted;
    end if;
    -- Picked once: a look that takes what is free would find others each time it is made anew.
    return query
      with picked as materialized (
        select o.xid, o.n from statehouse.delivery o
         where o.tenant = wanted_tenant and o.subscription = wanted and o.state = 'due' and o.epoch = statehouse.epoch() and o.due_at <= now_
         order by o.due_at limit most for update skip locked)
      update statehouse.delivery d
         set state = 'leased', attempt = d.attempt + 1, worker = claim_deliveries_of.worker, leased_until = now_ + lease
        from picked p
       where d.tenant = wanted_tenant and d.subscription = wanted and d.xid = p.xid and d.n = p.n
      returning d.tenant, d.subscription, d.xid::text, d.n, d.attempt, statehouse.webhook_id(d.subscription, d.xid, d.n), s.url::text, d.body,
                s.secret, coalesce(s.previous_until > pg_catalog.now(), false), now_;
  end if;
  perform set_config('statehouse.tenant', '', true);
end $$;
comment on function statehouse.claim_deliveries_of(text, int, uuid, int, interval) is
  'Lends messages that are due to one subscription; one alone while it fails, none while it rests or others are at it';

-- With the worker's own eyes, which see what is due in every tenant.
create function statehouse.claim_deliveries(worker text, most int, lease interval)
  returns setof statehouse.lent_delivery
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
as $$
declare
  epoch_ constant int := statehouse.epoch();
  lane   record;
  taken  int := 0;
  got    int;
begin
  perform statehouse.check_home();
  for lane in
    select l.*, row_number() over () as place, count(*) over () as places
      from (select s.tenant, s.id from statehouse.subscription s
             where s.state = 'active' and coalesce(s.rest_until, '-infinity') <= statehouse.now()
               and exists (select from statehouse.delivery d
                            where d.tenant = s.tenant and d.subscription = s.id and d.state = 'due' and d.epoch = epoch_ and d.due_at <= statehouse.now())
             order by random() limit 64) l
  loop
    return query
      select c.* from statehouse.claim_deliveries_of(worker, lane.tenant, lane.id, ceil((most - taken)::numeric / (lane.places - lane.place + 1))::int, lease) c;
    get diagnostics got = row_count;
    taken := taken + got;
    exit when taken >= most;
  end loop;
end $$;
comment on function statehouse.claim_deliveries(text, int, interval) is 'Lends messages that are due to subscribers: at most so many, an even share each';

create function statehouse.recover_deliveries_of(wanted_tenant int) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  found_n int;
begin
  perform set_config('statehouse.tenant', wanted_tenant::text, true);
  update statehouse.delivery d set state = 'due', due_at = statehouse.now(), worker = null, leased_until = null
   where d.tenant = wanted_tenant and d.state = 'leased' and d.leased_until <= statehouse.now();
  get diagnostics found_n = row_count;
  perform set_config('statehouse.tenant', '', true);
  return found_n;
end $$;
comment on function statehouse.recover_deliveries_of(int) is 'Messages of one tenant whose caller went away are due again: their id is how the receiver knows them';

create function statehouse.recover_deliveries() returns int
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
as $$
declare
  here    int;
  found_n int := 0;
begin
  for here in select distinct d.tenant from statehouse.delivery d where d.state = 'leased' and d.leased_until <= statehouse.now() loop
    found_n := found_n + statehouse.recover_deliveries_of(here);
  end loop;
  return found_n;
end $$;
comment on function statehouse.recover_deliveries() is 'Messages whose caller went away are due again; how many';

-- ── settling ─────────────────────────────────────────────────────────────────
create type statehouse.told as (tenant int, subscription uuid, xid text, n bigint, attempt int, "to" text, after float8, rest float8, ends boolean, code text, status int);
comment on type statehouse.told is 'What a worker says became of one call to a subscriber; `after` and `rest` in seconds';

create function statehouse.settle_deliveries(worker text, outcomes jsonb) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  now_    constant timestamptz := statehouse.now();
  o       statehouse.told;
  settled int := 0;
begin
  for o in select r.* from jsonb_populate_recordset(null::statehouse.told, outcomes) r order by r.tenant, r.subscription, r.xid, r.n loop
    perform set_config('statehouse.tenant', o.tenant::text, true);
    -- The fence: worker, attempt and state.
    update statehouse.delivery d
       set state = o."to", worker = null, leased_until = null, code = left(o.code, 200), status = o.status,
           due_at = case when o."to" = 'due' then now_ + make_interval(secs => greatest(coalesce(o.after, 0), 0)) else d.due_at end,
           finished_at = case when o."to" in ('done', 'dead') then now_ end
     where d.tenant = o.tenant and d.subscription = o.subscription and d.xid = o.xid::xid8 and d.n = o.n
       and d.state = 'leased' and d.attempt = o.attempt and d.worker = settle_deliveries.worker;
    continue when not found;
    settled := settled + 1;
    update statehouse.subscription f
       set failing_since = case when o."to" = 'done' then null else coalesce(f.failing_since, now_) end,
           rest_until    = case when o."to" = 'done' then null else greatest(f.rest_until, now_ + make_interval(secs => coalesce(o.rest, 0))) end
     where f.tenant = o.tenant and f.id = o.subscription and f.state = 'active';
    update statehouse.subscription f
       set state = 'ended', ended_why = case when o.ends then 'its receiver says that it is gone' else 'its receiver took nothing for five days' end
     where f.tenant = o.tenant and f.id = o.subscription and f.state = 'active' and o."to" <> 'done' and (o.ends or f.failing_since <= now_ - interval '5 days');
    -- Also where one before this in the same call, or its maker meanwhile, has ended it.
    if o."to" <> 'done' and exists (
         select from statehouse.subscription f where f.tenant = o.tenant and f.id = o.subscription and f.state = 'ended') then
      update statehouse.delivery d set state = 'dead', finished_at = now_ where d.tenant = o.tenant and d.subscription = o.subscription and d.state = 'due';
    end if;
  end loop;
  perform set_config('statehouse.tenant', '', true);
  return settled;
end $$;
comment on function statehouse.settle_deliveries(text, jsonb) is
  'Writes down what became of calls that are still the worker''s; a receiver that fails rests, and is given up after five days; how many';

create function statehouse.purge_deliveries(most int default 10000) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  here   int;
  gone   int;
  purged int := 0;
begin
  for here in select t.tenant from statehouse.tenant t order by t.tenant loop
    perform set_config('statehouse.tenant', here::text, true);
    delete from statehouse.delivery d
     where (d.tenant, d.subscription, d.xid, d.n) in (
       select o.tenant, o.subscription, o.xid, o.n from statehouse.delivery o
        where o.tenant = here and o.finished_at < statehouse.now() - case o.state when 'done' then interval '7 days' else interval '30 days' end
        limit greatest(most - purged, 0));
    get diagnostics gone = row_count;
    purged := purged + gone;
    exit when purged >= most;
  end loop;
  perform set_config('statehouse.tenant', '', true);
  return purged;
end $$;
comment on function statehouse.purge_deliveries(int) is 'Forgets messages that were taken a week ago, or given up a month ago, at most so many; how many went';

-- Sessions that are over, in bounded bites: whoever shows one is told what they would be told of one that never was. Those
-- of support stay, with their reason.
create function statehouse.purge_sessions(most int default 10000) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  purged int;
begin
  delete from statehouse.session s
   where s.token_hash in (select o.token_hash from statehouse.session o
                           where o.expires < pg_catalog.now() - interval '1 day' and o.kind <> 'support' limit most);
  get diagnostics purged = row_count;
  return purged;
end $$;
comment on function statehouse.purge_sessions(int) is 'Forgets sessions that ended more than a day ago, at most so many; how many went';

-- ── who may ──────────────────────────────────────────────────────────────────
grant execute on function statehouse.claim_deliveries(text, int, interval), statehouse.claim_deliveries_of(text, int, uuid, int, interval),
  statehouse.recover_deliveries(), statehouse.recover_deliveries_of(int), statehouse.settle_deliveries(text, jsonb),
  statehouse.purge_deliveries(int), statehouse.purge_sessions(int) to statehouse_worker;

-- A worker runs from the definition in force, as the server does.
grant execute on function statehouse.running_version(text), statehouse.running_definition(text), statehouse.running_apps(),
  statehouse.known_connectors(text), statehouse.schedules_since(text) to statehouse_worker;
