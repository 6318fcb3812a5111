-- Outgoing webhooks: who wants to be called, and what is owed to them.
--
-- A subscription sees what its maker sees at the moment an event is taken up for it. It has a place in the feed, and the
-- place moves in the same transaction that writes the deliveries: each event becomes one delivery or, where its maker
-- does not see it, none, however often or by how many workers it is tried.

create domain statehouse.webhook_url as text
  constraint webhook_url_form check (value ~ '^https://[a-z0-9-]+([.][a-z0-9-]+)+(:[0-9]{1,5})?(/[!-"$-~]*)?$' and length(value) <= 2000);
comment on domain statehouse.webhook_url is 'An https address of a named host, without user, password or fragment';

create table statehouse.subscription (
  tenant         int         not null,
  id             uuid        not null default statehouse.new_id(),
  app            text        not null,
  actor          uuid        not null,   -- its maker
  label          text        not null,
  url            statehouse.webhook_url not null,
  events         text[]      not null,   -- '*', 'order.*', 'order.confirm'
  secret         int         not null default 1,   -- which of its secrets; none is kept here, the server derives them
  previous_until timestamptz,            -- until then the secret before this one signs too
  state          text        not null default 'active',
  ended_why      text,
  xid            xid8        not null,   -- everything up to this place has been taken up
  n              bigint      not null,
  failing_since  timestamptz,            -- since then its receiver has taken nothing
  rest_until     timestamptz,            -- until then it is left alone
  created_at     timestamptz not null default pg_catalog.now(),
  constraint subscription_pkey primary key (tenant, id),
  constraint subscription_maker_belongs foreign key (tenant, actor) references statehouse.tenant_member,
  constraint subscription_label_bounded check (length(label) between 1 and 100),
  constraint subscription_events_bounded check (cardinality(events) between 1 and 100),
  constraint subscription_state_known check (state in ('active', 'ended')),
  constraint subscription_end_has_a_reason check ((state = 'ended') = (ended_why is not null))
);
create index subscription_active on statehouse.subscription (tenant, actor) where state = 'active';
comment on table statehouse.subscription is 'Who wants to be called when something happens; sees what its maker sees';

create table statehouse.delivery (
  tenant       int         not null,
  subscription uuid        not null,
  xid          xid8        not null,   -- the event's place; a test has n = 0
  n            bigint      not null,
  type         text        not null,   -- order.confirm
  body         text        not null,   -- the bytes that are signed and sent
  state        text        not null default 'due',
  due_at       timestamptz not null default statehouse.now(),
  attempt      int         not null default 0,
  worker       text,
  leased_until timestamptz,
  status       int,                    -- last answered
  code         text,                   -- why it was not taken
  finished_at  timestamptz,
  epoch        int         not null default statehouse.epoch(),   -- as an effect's
  constraint delivery_pkey primary key (tenant, subscription, xid, n),
  constraint delivery_subscription_exists foreign key (tenant, subscription) references statehouse.subscription,
  constraint delivery_state_known check (state in ('due', 'leased', 'done', 'dead')),
  constraint delivery_lease_whole check (num_nonnulls(worker, leased_until) = case state when 'leased' then 2 else 0 end)
);
comment on table statehouse.delivery is 'One event owed to one subscription; its key is why there is never a second';

do $$
declare
  t text;
begin
  foreach t in array array['subscription', 'delivery'] loop
    execute format('alter table statehouse.%I enable row level security', t);
    execute format('alter table statehouse.%I force row level security', t);
    execute format('create policy tenant_of_the_door on statehouse.%I to statehouse_owner '
                   'using (tenant = nullif(current_setting(''statehouse.tenant'', true), '''')::int)', t);
    -- The worker must send what is owed, as it does with effects.
    execute format('create policy worker_sees on statehouse.%I for select to statehouse_worker using (true)', t);
    execute format('grant select on statehouse.%I to statehouse_worker, statehouse_backup', t);
  end loop;
end $$;

-- ── what a member does with subscriptions of their own ───────────────────────
create function statehouse.subscribe(label text, url text, events text[]) returns statehouse.subscription
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c    constant statehouse.context := statehouse.ctx();
  made statehouse.subscription;
begin
  if c.kind <> 'member' then
    perform statehouse.refuse('SH2006', 'only a member may subscribe', '{}', 'sign in as a member');
  end if;
  perform statehouse.open_door(c);
  perform pg_advisory_xact_lock(hashtextextended('subscribe/' || c.tenant || '/' || c.actor, 0));
  if (select count(*) from statehouse.subscription s where s.tenant = c.tenant and s.actor = c.actor and s.state = 'active') >= 20 then
    perform statehouse.refuse('SH6212', 'you hold 20 subscriptions', '{}', 'remove one that is not needed any more');
  end if;
  insert into statehouse.subscription (tenant, app, actor, label, url, events, xid, n)
  values (c.tenant, c.app, c.actor, subscribe.label, subscribe.url, subscribe.events, statehouse.feed_horizon(), 0)
  returning * into made;
  return made;
end $$;
comment on function statehouse.subscribe(text, text, text[]) is 'A subscription of the caller''s own, from now on';

create function statehouse.subscriptions()
  returns table (id uuid, label text, url statehouse.webhook_url, events text[], secret int, previous_until timestamptz, state text, ended_why text,
                 created_at timestamptz, due bigint)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.ctx();
begin
  perform statehouse.open_door(c);
  return query
    select s.id, s.label, s.url, s.events, s.secret, s.previous_until, s.state, s.ended_why, s.created_at,
           (select count(*) from statehouse.delivery d where d.tenant = s.tenant and d.subscription = s.id and d.state in ('due', 'leased'))
      from statehouse.subscription s
     where s.tenant = c.tenant and s.actor = c.actor and s.app = c.app and s.ended_why is distinct from 'removed'
     order by s.id limit 200;
end $$;
comment on function statehouse.subscriptions() is 'The caller''s own subscriptions, the ended ones with their reason';

create function statehouse.unsubscribe(wanted uuid) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c constant statehouse.context := statehouse.ctx();
begin
  perform statehouse.open_door(c);
  update statehouse.subscription s set state = 'ended', ended_why = 'removed'
   where s.tenant = c.tenant and s.id = wanted and s.actor = c.actor and s.app = c.app and s.ended_why is distinct from 'removed';
  if not found then return false; end if;
  update statehouse.delivery d set state = 'dead', finished_at = statehouse.now() where d.tenant = c.tenant and d.subscription = wanted and d.state = 'due';
  return true;
end $$;
comment on function statehouse.unsubscribe(uuid) is 'Ends a subscription of the caller''s own and what is still owed to it';

create function statehouse.rotate_secret(wanted uuid, keep interval) returns statehouse.subscription
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c       constant statehouse.context := statehouse.ctx();
  rotated statehouse.subscription;
begin
  perform statehouse.open_door(c);
  update statehouse.subscription s
     set secret = s.secret + 1, previous_until = pg_catalog.now() + least(greatest(keep, interval '0'), interval '7 days')
   where s.tenant = c.tenant and s.id = wanted and s.actor = c.actor and s.app = c.app and s.state = 'active'
  returning * into rotated;
  return rotated;
end $$;
comment on function statehouse.rotate_secret(uuid, interval) is 'The next secret; the one before it signs too for as long as is said, at most 7 days';

create function statehouse.test_subscription(wanted uuid) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c     constant statehouse.context := statehouse.ctx();
  place constant xid8 := pg_current_xact_id();
begin
  perform statehouse.open_door(c);
  insert into statehouse.delivery (tenant, subscription, xid, n, type, body)
  select s.tenant, s.id, place, 0, 'test', statehouse.webhook_body('test', pg_catalog.now(), json_build_object('subscription', s.id))
    from statehouse.subscription s
   where s.tenant = c.tenant and s.id = wanted and s.actor = c.actor and s.app = c.app and s.state = 'active';
  return case when found then statehouse.webhook_id(wanted, place, 0) end;
end $$;
comment on function statehouse.test_subscription(uuid) is 'Owes a subscription one message of type `test`; its id, or null where there is no such subscription';

-- ── how an event becomes a delivery ──────────────────────────────────────────
create function statehouse.webhook_id(subscription uuid, xid xid8, n bigint) returns text
  language sql immutable parallel safe
  return 'msg_' || replace(subscription::text, '-', '') || '_' || xid::text || '_' || n;
comment on function statehouse.webhook_id(uuid, xid8, bigint) is 'The same for every attempt, so that a receiver knows a message it has had';

create function statehouse.webhook_body(type text, at timestamptz, data json) returns text
  language sql stable parallel safe
  return json_build_object('type', type, 'timestamp', to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'data', data)::text;
comment on function statehouse.webhook_body(text, timestamptz, json) is 'A message in the form of Standard Webhooks';

create function statehouse.webhook_wants(events text[], entity text, verb text) returns boolean
  language sql immutable parallel safe
  return events && array['*', entity || '.*', entity || '.' || verb];
comment on function statehouse.webhook_wants(text[], text, text) is 'Whether a subscription''s filter lets an event through';

create function statehouse.fan_out(wanted_tenant int, wanted_subscription uuid, places_max int) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  s        statehouse.subscription;
  held     statehouse.membership;
  token    text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
  before   text := current_setting('statehouse.session', true);
  entities text[];
  entity   text;
  stretch  record;
  found_n  int;
  written  int := 0;
  epoch_   constant int := statehouse.epoch();
  restored constant timestamptz := (select r.value::timestamptz from statehouse.setting r where r.name = 'restored_at');
begin
  perform set_config('statehouse.tenant', wanted_tenant::text, true);
  select f.* into s from statehouse.subscription f
   where f.tenant = wanted_tenant and f.id = wanted_subscription and f.state = 'active' for update skip locked;
  if not found or exists (select from statehouse.tenant t where t.tenant = wanted_tenant and t.suspended_at is not null) then
    return 0;   -- ended, at work elsewhere, or to go on where it stands when the tenant does
  end if;
  select m.* into held from statehouse.membership m where m.tenant = s.tenant and m.member = s.actor and m.app = s.app;
  if not found then
    update statehouse.subscription f set state = 'ended', ended_why = 'its maker is no member any more' where f.tenant = s.tenant and f.id = s.id;
    update statehouse.delivery d set state = 'dead', finished_at = statehouse.now() where d.tenant = s.tenant and d.subscription = s.id and d.state = 'due';
    return 0;
  end if;
  -- A session of the maker for the length of this call: the views judge, as they would for him.
  insert into statehouse.session (token_hash, tenant, actor, role, kind, app, capabilities, reason, expires)
  values (sha256(convert_to(token, 'UTF8')), held.tenant, held.member, held.role, 'worker', held.app, statehouse.effective_capabilities(held),
          'subscription ' || s.id, clock_timestamp() + interval '1 minute');
  perform set_config('statehouse.session', token, true);
  select coalesce(array_agg(left(c.relname, -8) order by c.relname), '{}') into entities
    from pg_class c
   where c.relnamespace = (select n.oid from pg_namespace n where n.nspname = held.app || '_' || held.role) and c.relkind = 'v' and c.relname like '%\_history'
     and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'xid' and a.atttypid = 'xid8'::regtype);
  select f.xid, f.n into stretch from statehouse.feed_stretch(entities, s.xid, s.n, places_max) f;
  perform set_config('statehouse.tenant', wanted_tenant::text, true);
  foreach entity in array entities loop
    execute format(
      'insert into statehouse.delivery (tenant, subscription, xid, n, epoch, type, body)
       select $1, $2, h.xid, h.n, case when h.at <= $8 then $9 - 1 else $9 end, %1$L || ''.'' || h.verb,
              statehouse.webhook_body(%1$L || ''.'' || h.verb, h.at, json_build_object(
                ''cursor'', h.xid::text || ''.'' || h.n, ''entity'', %1$L, ''record'', h.record, ''seq'', h.seq, ''verb'', h.verb,
                ''from'', h.from_state, ''to'', h.to_state, ''actor'', h.actor, ''kind'', h.kind, ''payload'', h.payload))
         from %2$I.%3$I h
        where (h.xid, h.n) > ($3, $4) and (h.xid, h.n) <= ($5, $6) and h.xid < statehouse.feed_horizon()
          and statehouse.webhook_wants($7, %1$L, h.verb)', entity, held.app || '_' || held.role, entity || '_history')
      using s.tenant, s.id, s.xid, s.n, stretch.xid, stretch.n, s.events, restored, epoch_;   -- what happened before a restore is told when somebody says so
    get diagnostics found_n = row_count;
    written := written + found_n;
  end loop;
  update statehouse.subscription f set xid = stretch.xid, n = stretch.n where f.tenant = s.tenant and f.id = s.id;
  delete from statehouse.session l where l.token_hash = sha256(convert_to(token, 'UTF8'));
  perform set_config('statehouse.session', coalesce(before, ''), true);
  return written;
end $$;
comment on function statehouse.fan_out(int, uuid, int) is
  'Takes up the next stretch of the feed for one subscription: writes what is owed and moves its place, in one transaction; how much was written';

grant execute on function statehouse.subscribe(text, text, text[]), statehouse.subscriptions(), statehouse.unsubscribe(uuid),
  statehouse.rotate_secret(uuid, interval), statehouse.test_subscription(uuid) to statehouse_api;
grant execute on function statehouse.fan_out(int, uuid, int) to statehouse_worker;
