-- Messages from the outside. A row is there before the sender is told so; what it means is found out afterwards, and a
-- message moves its record in the transaction that says so, by whoever holds its lease. So each counts once, however
-- often it is sent, and one that nobody can act on yet waits where people see it.

-- ── endpoints ────────────────────────────────────────────────────────────────
create table statehouse.endpoint (
  tenant     int             not null,
  id         uuid            not null default gen_random_uuid(),
  token_hash statehouse.hash not null,
  app        text            not null,
  source     text            not null,   -- an inbox of the app
  account    text,                       -- whose messages it takes; null for anybody's that are signed
  label      text            not null default '',
  made_by    uuid,                       -- null for one made by the administrator
  created_at timestamptz     not null default statehouse.now(),
  revoked_at timestamptz,
  constraint endpoint_pkey primary key (tenant, id),
  constraint endpoint_token_unique unique (token_hash),
  constraint endpoint_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint endpoint_maker_belongs foreign key (tenant, made_by) references statehouse.tenant_member,
  constraint endpoint_source_form check (source ~ '^[a-z][a-z0-9_]{0,62}$'),
  constraint endpoint_label_bounded check (length(label) <= 100),
  constraint endpoint_account_bounded check (length(account) between 1 and 255)
);
comment on table statehouse.endpoint is 'The secret address at which one source reaches one tenant; the token is shown once and kept nowhere';

create function statehouse.endpoint_of(token text) returns table (tenant int, slug text, app text, source text, account text)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select e.tenant, t.slug, e.app, e.source, e.account
    from statehouse.endpoint e
    join statehouse.tenant t on t.tenant = e.tenant and t.erased_at is null
   where e.token_hash = sha256(convert_to(endpoint_of.token, 'UTF8')) and e.revoked_at is null;
end;
comment on function statehouse.endpoint_of(text) is 'Whom an address belongs to, for the server; a suspended tenant keeps its addresses, so that nothing is lost meanwhile';

-- ── the messages ─────────────────────────────────────────────────────────────
create table statehouse.message (
  tenant       int             not null,
  id           uuid            not null default statehouse.new_id(),
  app          text            not null,
  source       text            not null,
  key          text            not null,   -- by what its sender knows it
  n            int             not null default 0,   -- 1 to 9: others that came under the same key
  item         int,                        -- which of the items, where one body holds several
  type         text,                       -- null where the body could not be read
  body         bytea           not null,   -- as it came
  headers      jsonb           not null default '{}',
  query        text            not null default '',
  received_at  timestamptz     not null,
  secret       text,                       -- which of the secrets it was signed with
  coverage     text            not null,   -- how much of it the signature covers; `polled` for what we asked for ourselves
  fingerprint  statehouse.hash not null,
  state        text            not null default 'due',
  due_at       timestamptz,                -- when to look at it again
  entity       text,                       -- what it is about, as far as that is known
  record       uuid,
  verb         text,
  input        jsonb,
  fetched      jsonb,                      -- what its sender answered when asked
  attempt      int             not null default 0,   -- counts claims: the fence
  tries        int             not null default 0,   -- claims since the last verdict; nothing but a death or a failure leaves them
  waits        int             not null default 0,   -- verdicts that it has to wait
  worker       text,
  leased_until timestamptz,
  wait_until   timestamptz,
  code         text,
  why          text,
  settled_at   timestamptz,
  forgotten_at timestamptz,                -- since then nothing is left of what it said
  epoch        int             not null default statehouse.epoch(),   -- as an effect's
  constraint message_pkey primary key (tenant, id),
  constraint message_once unique (tenant, app, source, key, n),
  constraint message_key_bounded check (length(key) between 1 and 500),
  constraint message_type_bounded check (length(type) between 1 and 200),
  constraint message_body_bounded check (octet_length(body) <= 1048576),
  constraint message_head_bounded check (octet_length(headers::text) + octet_length(query) <= 65536),
  constraint message_fetched_bounded check (octet_length(fetched::text) <= 1048576),
  constraint message_item_counts check (item >= 0),
  constraint message_state_known check (state in ('due', 'leased', 'waiting', 'done', 'ignored', 'late', 'quarantined', 'conflict', 'dead')),
  constraint message_few_conflicts check (n between 0 and 9),
  constraint message_conflicts_apart check ((state = 'conflict') = (n > 0)),
  constraint message_lease_whole check (num_nonnulls(worker, leased_until) = case state when 'leased' then 2 else 0 end),
  constraint message_looked_at_again check ((state in ('due', 'waiting')) = (due_at is not null)),
  constraint message_waits_for_something check (state <> 'waiting' or wait_until is not null),
  constraint message_end_has_a_reason check (state not in ('late', 'quarantined', 'dead') or code is not null)
);
create index message_due on statehouse.message (tenant, epoch, due_at, id) where state in ('due', 'waiting');
create index message_leased on statehouse.message (leased_until) where state = 'leased';
create index message_waiting on statehouse.message (tenant, record, verb) where state = 'waiting';
create index message_about on statehouse.message (tenant, record) where record is not null;
create index message_stuck on statehouse.message (tenant, id) where state in ('waiting', 'late', 'quarantined', 'conflict', 'dead');
create index message_unplaced on statehouse.message (settled_at) where record is null and forgotten_at is null and settled_at is not null;
comment on table statehouse.message is 'One stored message of a source; its body, key and fingerprint never change';

-- Beside the message, so that a flood of doublets never waits for whoever works on it; in sixteen rows, so that doublets
-- seldom wait for each other.
create table statehouse.message_doublet (
  tenant  int    not null,
  message uuid   not null,
  shard   int    not null,
  count   bigint not null default 1,
  constraint message_doublet_pkey primary key (tenant, message, shard)
) with (fillfactor = 50);
comment on table statehouse.message_doublet is 'How often a message came again';

-- Where what is due of a tenant's messages begins; see claim_messages.
create table statehouse.inflow (
  tenant   int         not null,
  floor    timestamptz not null default '-infinity',   -- below it nothing was due when somebody last looked
  sweep_at timestamptz not null default '-infinity',   -- then somebody looks below it
  constraint inflow_pkey primary key (tenant),
  constraint inflow_tenant_exists foreign key (tenant) references statehouse.tenant
) with (fillfactor = 20);
comment on table statehouse.inflow is 'The tenants that take messages, and from where on to look for those that are due';

-- ── the law of a message ─────────────────────────────────────────────────────
-- What came is evidence and stays as it came; a state is left only for one that follows from it. New rows pass no
-- trigger: they are written by one function, and their sender waits for it.
create function statehouse.message_moves(from_state text, to_state text) returns boolean
  language sql immutable parallel safe
  return to_state = any (case from_state
    when 'due'         then '{leased,ignored}'::text[]
    when 'waiting'     then '{leased,due,ignored}'
    when 'leased'      then '{done,ignored,waiting,late,quarantined,due,dead}'
    when 'ignored'     then '{due}'
    when 'late'        then '{due,ignored}'
    when 'quarantined' then '{due,ignored}'
    when 'dead'        then '{due,ignored}'
    else '{}' end);
comment on function statehouse.message_moves(text, text) is 'Whether a message may go from one state to another; what is done or in conflict stays so';

create function statehouse.message_law() returns trigger
  language plpgsql
as $$
begin
  if tg_op = 'DELETE' then
    if statehouse.erased(old.tenant) then return old; end if;
    perform statehouse.refuse('SH4014', 'messages are never deleted', jsonb_build_object('message', old.id), 'they are the memory by which a doublet is known');
  end if;
  if (new.tenant, new.id, new.app, new.source, new.key, new.n, new.item, new.type, new.received_at, new.secret, new.coverage, new.fingerprint)
     is distinct from
     (old.tenant, old.id, old.app, old.source, old.key, old.n, old.item, old.type, old.received_at, old.secret, old.coverage, old.fingerprint) then
    perform statehouse.refuse('SH4014', 'a message stays as it came', jsonb_build_object('message', old.id), 'leave it, and let its sender send another');
  end if;
  if new.state <> old.state and not statehouse.message_moves(old.state, new.state) then
    perform statehouse.refuse('SH7120', format('a message that is `%s` does not become `%s`', old.state, new.state),
      jsonb_build_object('message', old.id, 'state', old.state, 'wanted', new.state), 'see what state it is in now');
  end if;
  if new.attempt <> old.attempt + (new.state = 'leased' and old.state <> 'leased')::int then
    perform statehouse.refuse('SH7120', 'the attempt of a message rises by one with each claim and not otherwise',
      jsonb_build_object('message', old.id, 'attempt', old.attempt), 'claim it');
  end if;
  return new;
end $$;
comment on function statehouse.message_law() is 'Refuses every change of what came, and every change of state that does not follow';
create trigger law before update or delete on statehouse.message for each row execute function statehouse.message_law();

create function statehouse.message_said() returns trigger
  language plpgsql
as $$
begin
  -- The person it is about is erased, or nobody ever knew whom it is about: what it said goes, that it came stays.
  if (new.body, new.headers, new.query) = ('', '{}', '') and coalesce(current_setting('statehouse.kind', true), '') = 'migration' then
    return new;
  end if;
  if (new.body, new.headers, new.query) is distinct from (old.body, old.headers, old.query) then
    perform statehouse.refuse('SH4014', 'a message stays as it came', jsonb_build_object('message', old.id), 'leave it, and let its sender send another');
  end if;
  return new;
end $$;
comment on function statehouse.message_said() is 'Refuses every change of what a message says, but that it is forgotten';
-- Apart from the law, and only where one of these is written: to compare a large body takes longer than all the rest.
create trigger said before update of body, headers, query on statehouse.message for each row execute function statehouse.message_said();
create trigger kept_whole before truncate on statehouse.message for each statement execute function statehouse.keep();

-- ── receiving ────────────────────────────────────────────────────────────────
create function statehouse.count_doublet(of_tenant int, of_message uuid) returns void
  language plpgsql
as $$
begin
  -- The message itself is on the disk; that it came again is not worth waiting for the disk once more.
  perform set_config('synchronous_commit', 'off', true);
  insert into statehouse.message_doublet as d (tenant, message, shard) values (of_tenant, of_message, pg_backend_pid() % 16)
  on conflict on constraint message_doublet_pkey do update set count = d.count + 1;
end $$;
comment on function statehouse.count_doublet(int, uuid) is 'Counts that a message came again';

-- One insert where the message is new. Whoever comes second under the same key waits for the first to be on the disk,
-- and no longer.
create function statehouse.store_message(arrived statehouse.message) returns table (verdict text, id uuid)
  language plpgsql
as $$
#variable_conflict use_column
declare
  stored statehouse.message;
begin
  if current_setting('synchronous_commit') = 'off' then perform set_config('synchronous_commit', 'on', true); end if;
  insert into statehouse.message as m (tenant, app, source, key, n, item, type, body, headers, query, received_at, secret, coverage, fingerprint, state, due_at)
  select (arrived).tenant, (arrived).app, (arrived).source, (arrived).key, 0, (arrived).item, (arrived).type, (arrived).body, (arrived).headers, (arrived).query,
         (arrived).received_at, (arrived).secret, (arrived).coverage, (arrived).fingerprint, 'due', (arrived).received_at
  on conflict on constraint message_once do nothing
  returning m.id into stored.id;
  if found then
    perform statehouse.ring();
    return query select 'new', stored.id;
    return;
  end if;
  -- Known. The same again, or another under its key: those are kept apart and never acted upon.
  for nth in 0 .. 9 loop
    select m.id, m.fingerprint, m.coverage into stored.id, stored.fingerprint, stored.coverage
      from statehouse.message m
     where m.tenant = (arrived).tenant and m.app = (arrived).app and m.source = (arrived).source and m.key = (arrived).key and m.n = nth;
    if not found then
      insert into statehouse.message as m (tenant, app, source, key, n, item, type, body, headers, query, received_at, secret, coverage, fingerprint, state, code, settled_at)
      select (arrived).tenant, (arrived).app, (arrived).source, (arrived).key, nth, (arrived).item, (arrived).type, (arrived).body, (arrived).headers, (arrived).query,
             (arrived).received_at, (arrived).secret, (arrived).coverage, (arrived).fingerprint, 'conflict', 'SH7104', (arrived).received_at
      on conflict on constraint message_once do nothing
      returning m.id into stored.id;
      if found then
        return query select 'conflict', stored.id;
        return;
      end if;
      select m.id, m.fingerprint, m.coverage into stored.id, stored.fingerprint, stored.coverage
        from statehouse.message m
       where m.tenant = (arrived).tenant and m.app = (arrived).app and m.source = (arrived).source and m.key = (arrived).key and m.n = nth;
    end if;
    -- What we asked for ourselves is told in other bytes than what was sent to us, and is the same all the same.
    if stored.fingerprint = (arrived).fingerprint or nth = 0 and 'polled' in (stored.coverage, (arrived).coverage) then
      perform statehouse.count_doublet((arrived).tenant, stored.id);
      return query select case nth when 0 then 'again' else 'conflict' end, stored.id;
      return;
    end if;
  end loop;
  -- Nine others are evidence enough.
  perform statehouse.count_doublet((arrived).tenant, stored.id);
  return query select 'conflict', stored.id;
end $$;
comment on function statehouse.store_message(statehouse.message) is 'Stores what arrived: new, the same again, or in conflict with what came first; callable by the owner only';

create function statehouse.receive_message(token text, key text, type text, body bytea, headers jsonb, query text, secret text, coverage text, account text,
                                           item int default null, fingerprint bytea default null)
  returns table (verdict text, id uuid)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  addressed statehouse.endpoint;
  arrived   statehouse.message;
begin
  select e.* into addressed
    from statehouse.endpoint e
    join statehouse.tenant t on t.tenant = e.tenant and t.erased_at is null
   where e.token_hash = sha256(convert_to(receive_message.token, 'UTF8')) and e.revoked_at is null;
  if not found then return; end if;
  if addressed.account <> coalesce(receive_message.account, '') then
    perform statehouse.refuse('SH7102', 'the message is of another account than the address', jsonb_build_object('source', addressed.source),
      'send it to the address of its own account');
  end if;
  arrived.tenant := addressed.tenant;
  arrived.app := addressed.app;
  arrived.source := addressed.source;
  arrived.key := receive_message.key;
  arrived.item := receive_message.item;
  arrived.type := receive_message.type;
  arrived.body := receive_message.body;
  arrived.headers := receive_message.headers;
  arrived.query := receive_message.query;
  arrived.received_at := statehouse.now();
  arrived.secret := receive_message.secret;
  arrived.coverage := receive_message.coverage;
  arrived.fingerprint := coalesce(receive_message.fingerprint, sha256(int4send(octet_length(body)) || body || convert_to(query, 'UTF8')));
  return query select s.verdict, s.id from statehouse.store_message(arrived) s;
end $$;
comment on function statehouse.receive_message(text, text, text, bytea, jsonb, text, text, text, text, int, bytea) is
  'Stores a verified message for whom its address belongs to; no row for an address that is not there. The server acknowledges after it';

-- What a poll brings takes the same way as what is sent.
create function statehouse.receive_item(worker text, for_tenant int, app text, source text, key text, type text, body bytea)
  returns table (verdict text, id uuid)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  arrived statehouse.message;
  since   int;   -- which epoch the poll is of
begin
  select p.epoch into since from statehouse.poll p
   where p.tenant = for_tenant and p.app = receive_item.app and p.source = receive_item.source and p.worker = receive_item.worker;
  if not found then return; end if;
  arrived.tenant := for_tenant;
  arrived.app := receive_item.app;
  arrived.source := receive_item.source;
  arrived.key := receive_item.key;
  arrived.type := receive_item.type;
  arrived.body := receive_item.body;
  arrived.headers := '{"content-type": "application/json"}';
  arrived.query := '';
  arrived.received_at := statehouse.now();
  arrived.coverage := 'polled';
  arrived.fingerprint := sha256(int4send(octet_length(receive_item.body)) || receive_item.body);
  select s.verdict, s.id into verdict, id from statehouse.store_message(arrived) s;
  -- After a restore a source is asked by itself, so that people see what has happened; what it says waits until they let
  -- it go.
  if verdict = 'new' and since < statehouse.epoch() then
    update statehouse.message m set epoch = since where m.tenant = for_tenant and m.id = receive_item.id;
  end if;
  return next;
end $$;
comment on function statehouse.receive_item(text, int, text, text, text, text, bytea) is
  'Stores an item of a poll that the worker holds, held where the poll is; no row where it holds none';

-- ── working them off ─────────────────────────────────────────────────────────
-- How long until it is looked at again: doubling, at most an hour.
create function statehouse.back_off(times int) returns interval
  language sql immutable parallel safe
  return least(interval '2 seconds' * power(2, least(greatest(times, 0), 20)), interval '1 hour');
comment on function statehouse.back_off(int) is 'Two seconds, doubled with each time, at most an hour';

create type statehouse.lent_message as (
  tenant int, slug text, id uuid, attempt int, app text, source text, key text, item int, type text, body bytea, headers jsonb, query text,
  coverage text, received_at timestamptz, tries int, waits int, fetched jsonb);
comment on type statehouse.lent_message is 'A message lent to a worker: what came, by which claim it is held, and how often it was looked at';

-- What of one tenant is to be looked at now. As with a gate (claim_gate), each message that was claimed leaves a dead entry in
-- message_due, to be read for as long as somebody holds an older snapshot: the floor is where the living begin, a second
-- behind the clock, and who commits later still is found by the sweep. Nobody waits for its row: two at once look twice.
create function statehouse.claim_messages_of(worker text, wanted_tenant int, apps text[], most int, lease interval)
  returns setof statehouse.lent_message
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
  set plan_cache_mode = force_generic_plan
as $$
declare
  now_   constant timestamptz := statehouse.now();
  began  constant timestamptz := clock_timestamp();
  epoch_ constant int := statehouse.epoch();
  i      statehouse.inflow;
  slug_  text;
  sweeps boolean;
  from_  timestamptz;
  rest   timestamptz;
  took   int;
  looked interval;
begin
  select f.* into i from statehouse.inflow f where f.tenant = wanted_tenant;
  if not found then return; end if;
  select t.slug into slug_ from statehouse.tenant t where t.tenant = wanted_tenant and t.suspended_at is null;
  if not found then return; end if;
  sweeps := began >= i.sweep_at;
  from_ := case when sweeps then '-infinity' else i.floor end;
  return query
    with picked as materialized (
      select d.id from statehouse.message d
       where d.tenant = wanted_tenant and d.epoch = epoch_ and d.state in ('due', 'waiting') and d.due_at >= from_ and d.due_at <= now_
         and d.app = any (apps)
       order by d.due_at, d.id
       limit most
         for update skip locked)
    update statehouse.message m
       set state = 'leased', due_at = null, attempt = m.attempt + 1, tries = m.tries + 1,
           worker = claim_messages_of.worker, leased_until = now_ + lease
      from picked p
     where m.tenant = wanted_tenant and m.id = p.id
    returning m.tenant, slug_, m.id, m.attempt, m.app, m.source, m.key, m.item, m.type, m.body, m.headers, m.query,
              m.coverage, m.received_at, m.tries, m.waits, m.fetched;
  get diagnostics took = row_count;
  select d.due_at into rest from statehouse.message d
   where d.tenant = wanted_tenant and d.epoch = epoch_ and d.state in ('due', 'waiting') and d.due_at >= from_
   order by d.due_at limit 1;
  looked := clock_timestamp() - began;
  if sweeps then
    i.floor := case when took = 0 and looked < interval '5 milliseconds' then '-infinity' else least(rest, now_ - interval '1 second') end;
    i.sweep_at := clock_timestamp() + greatest(interval '5 seconds', 20 * looked);
  elsif least(rest, now_ - interval '1 second') > i.floor + interval '1 second' then
    i.floor := least(rest, now_ - interval '1 second');
  else
    return;   -- too little to write down
  end if;
  perform from statehouse.inflow f where f.tenant = wanted_tenant for update skip locked;
  if found then
    update statehouse.inflow f set floor = i.floor, sweep_at = i.sweep_at where f.tenant = wanted_tenant;
  end if;
end $$;
comment on function statehouse.claim_messages_of(text, int, text[], int, interval) is
  'Leases what of one tenant is to be looked at; the attempt is counted here, so that a death counts';

-- Tenants in turn, from another place each time, and each has its share of a claim: no tenant waits behind what another
-- is flooded with.
create function statehouse.claim_messages(worker text, apps text[], most int, lease interval)
  returns setof statehouse.lent_message
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  epoch_  constant int := statehouse.epoch();
  tenants constant int := 64;   -- of one call
  start   int;
  lane    record;
  claimed int := 0;
  got     int;
begin
  perform statehouse.check_home();
  select floor(random() * (max(i.tenant) + 1)) into start from statehouse.inflow i;
  for lane in
    select l.*, count(*) over () as places
      from (select i.tenant, i.behind
              from (select f.*, f.tenant < start as behind from statehouse.inflow f order by f.tenant < start, f.tenant) i
             where i.floor > '-infinity' and i.sweep_at <= clock_timestamp()   -- whoever is to be swept is looked at as a whole
                or exists (select from statehouse.message m
                            where m.tenant = i.tenant and m.epoch = epoch_ and m.state in ('due', 'waiting')
                              and m.due_at >= i.floor and m.due_at <= statehouse.now()
                            order by m.due_at limit 1)
             limit tenants) l
     order by l.behind, l.tenant
  loop
    return query
      select c.* from statehouse.claim_messages_of(worker, lane.tenant, apps, least(most - claimed, ceil(most::numeric / lane.places)::int), lease) c;
    get diagnostics got = row_count;
    claimed := claimed + got;
    exit when claimed >= most;
  end loop;
end $$;
comment on function statehouse.claim_messages(text, text[], int, interval) is
  'Leases what is to be looked at, at most so many and of each tenant no more than its share';

create function statehouse.beat_messages(worker text, held jsonb, lease interval) returns jsonb
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  mine jsonb;
begin
  with kept as (
    update statehouse.message m set leased_until = statehouse.now() + lease
      from jsonb_array_elements(held) h
     where m.tenant = (h ->> 0)::int and m.id = (h ->> 1)::uuid and m.attempt = (h ->> 2)::int
       and m.worker = beat_messages.worker and m.state = 'leased'
    returning h)
  select coalesce(jsonb_agg(k.h), '[]') into mine from kept k;
  return mine;
end $$;
comment on function statehouse.beat_messages(text, jsonb, interval) is 'Prolongs leases, [[tenant, id, attempt], …]; those that are still the worker''s';

-- A lease runs out when its worker has died or stands still. Eight of those in a row, and it is the message's fault.
create function statehouse.recover_messages(most int) returns table (tenant int, id uuid, attempt int, became text)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    update statehouse.message m
       set state = case when m.tries >= 8 then 'dead' else 'due' end,
           due_at = case when m.tries >= 8 then null else statehouse.now() end,
           code = case when m.tries >= 8 then 'SH7108' else m.code end,
           why = case when m.tries >= 8 then 'whoever worked on it died, eight times in a row' else m.why end,
           settled_at = case when m.tries >= 8 then statehouse.now() end,
           worker = null, leased_until = null
     where (m.tenant, m.id) in (
       select l.tenant, l.id from statehouse.message l
        where l.state = 'leased' and l.leased_until <= statehouse.now()
        order by l.leased_until limit most for update skip locked)
    returning m.tenant, m.id, m.attempt, m.state;
end $$;
comment on function statehouse.recover_messages(int) is 'Gives back what was leased to those who died; dead after the eighth time';

-- What became of messages that moved nothing. Only their worker of this very attempt may say so.
create function statehouse.settle_messages(worker text, outcomes jsonb) returns jsonb
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  now_    constant timestamptz := statehouse.now();
  settled jsonb;
begin
  with said as (
    select m.tenant, m.id, m.attempt, o.code, o.why, o.entity, o.record, o.verb, o.input, o.fetched, o.after_s,
           case when o."to" = 'due' and m.tries >= 8 then 'dead' else o."to" end as state,
           coalesce(m.wait_until, now_ + make_interval(secs => o.wait_s)) as wait_until
      from jsonb_to_recordset(outcomes) as o (tenant int, id uuid, attempt int, "to" text, after_s float8, wait_s float8, code text, why text,
                                              entity text, record uuid, verb text, input jsonb, fetched jsonb)
      join statehouse.message m on m.tenant = o.tenant and m.id = o.id and m.attempt = o.attempt
     where m.worker = settle_messages.worker and m.state = 'leased'
     order by m.tenant, m.id
       for update of m),
  done as (
    update statehouse.message m
       set state = s.state,
           due_at = case when s.state in ('due', 'waiting') then
                      least(now_ + coalesce(make_interval(secs => s.after_s), statehouse.back_off(m.tries)), case s.state when 'waiting' then s.wait_until end) end,
           wait_until = case s.state when 'waiting' then s.wait_until else m.wait_until end,
           tries = case s.state when 'waiting' then 0 else m.tries end,
           waits = m.waits + (s.state = 'waiting')::int,
           entity = coalesce(s.entity, m.entity), record = coalesce(s.record, m.record), verb = coalesce(s.verb, m.verb),
           input = coalesce(s.input, m.input), fetched = coalesce(s.fetched, m.fetched),
           code = coalesce(s.code, case s.state when 'dead' then coalesce(m.code, 'SH7108') end), why = s.why,
           settled_at = case when s.state not in ('due', 'waiting') then now_ end,
           worker = null, leased_until = null
      from said s
     where m.tenant = s.tenant and m.id = s.id
    returning jsonb_build_array(m.tenant, m.id, m.attempt, m.state) as what)
  select coalesce(jsonb_agg(d.what), '[]') into settled from done d;
  return settled;
end $$;
comment on function statehouse.settle_messages(text, jsonb) is
  'Ends attempts, [{tenant, id, attempt, to, after_s, wait_s, code, why, entity, record, verb, input, fetched}, …]; says which were still the worker''s, and what they became';

create function statehouse.settle_message(worker text, wanted_tenant int, wanted_id uuid, wanted_attempt int, outcome jsonb) returns boolean
  language sql security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select statehouse.settle_messages(worker, jsonb_build_array(
    jsonb_build_object('tenant', wanted_tenant, 'id', wanted_id, 'attempt', wanted_attempt) || outcome)) <> '[]';
end;
comment on function statehouse.settle_message(text, int, uuid, int, jsonb) is 'The same for one, inside the transaction of its move; false where it is not the worker''s any more';

-- ── a message becomes a move ─────────────────────────────────────────────────
create function statehouse.hold_message(worker text, wanted_tenant int, wanted_id uuid, wanted_attempt int) returns table (waits int, wait_until timestamptz)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select m.waits, m.wait_until from statehouse.message m
     where m.tenant = wanted_tenant and m.id = wanted_id and m.worker = hold_message.worker and m.attempt = wanted_attempt and m.state = 'leased' and m.epoch = statehouse.epoch()
       for update;
end $$;
comment on function statehouse.hold_message(text, int, uuid, int) is 'The fence: no row where a message is not the worker''s any more; else nobody else''s until the transaction ends';

-- Between this and the end of the transaction the record stays where it is. A move that waits for that finds the
-- message waiting when it wakes those that wait.
create function statehouse.hold_record(entity text, wanted uuid, wanted_verb text, said jsonb) returns table (state text, happened boolean)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.ctx();
begin
  if c.kind <> 'connector' then
    perform statehouse.refuse('SH2006', format('this door is not for the kind `%s`', c.kind), '{}', 'enter as a connector');
  end if;
  perform statehouse.open_door(c);
  execute format('select r.state from %I.%I r where r.tenant = $1 and r.id = $2 for share', c.app, hold_record.entity)
     into state using c.tenant, wanted;
  happened := exists (
    select from statehouse.event e
     where e.tenant = c.tenant and e.entity = c.app || '.' || hold_record.entity and e.record = wanted and e.verb = wanted_verb);
  if happened then
    -- Messages that moved it by this verb all said something else: this one is another fact, a second payment say.
    happened := coalesce((select bool_or(m.forgotten_at is not null or m.input is not distinct from said) from statehouse.message m
                           where m.tenant = c.tenant and m.record = wanted and m.entity = c.app || '.' || hold_record.entity and m.verb = wanted_verb
                             and m.state = 'done' and m.code is null), true);
  end if;
  return next;
end $$;
comment on function statehouse.hold_record(text, uuid, text, jsonb) is
  'Where a record stands until the transaction ends, and whether what a message says has moved it already, by this verb and with this input; for the engine as a connector';

-- What somebody holds at this moment is about to be judged by what it finds, and finds this move: it waits for the record.
create function statehouse.wake_messages(of_tenant int, of_entity text, of_record uuid, verbs text[]) returns void
  language plpgsql
as $$
begin
  update statehouse.message m set state = 'due', due_at = statehouse.now()
   where (m.tenant, m.id) in (
     select w.tenant, w.id from statehouse.message w
      where w.tenant = of_tenant and w.record = of_record and w.verb = any (verbs) and w.state = 'waiting' and w.entity = of_entity
        for update skip locked);
  if found then perform statehouse.ring(); end if;
end $$;
comment on function statehouse.wake_messages(int, text, uuid, text[]) is 'Inside the law: messages that wait for this record and one of these verbs are due';

-- The code of a refusal is its SQLSTATE, never its text; what Postgres itself refuses has one too.
create function statehouse.code_of(state text) returns text
  language sql immutable parallel safe
  return case
    when state ~ '^S[0-9]{4}$' then 'SH' || substr(state, 2)
    when state = '23505' then 'SH5010' when state = '23514' then 'SH5011' when state = '23503' then 'SH5012'
    when state = '23502' then 'SH5013' when state = '23P01' then 'SH5014' when state like '22%' then 'SH5015'
    when state = '42501' then 'SH2010' else 'SH5001' end;
comment on function statehouse.code_of(text) is 'The code under which people know an error of the database';

-- Crossed with others, or the server in trouble: nothing the law has said about a move.
create function statehouse.no_verdict(state text) returns boolean
  language sql immutable parallel safe
  return left(state, 2) in ('08', '25', '40', '53', '57', '58', 'XX') or state = '55P03';
comment on function statehouse.no_verdict(text) is 'Whether an error says nothing about the move, so that it is to be tried again as a whole';

-- The record a message is about, found by the one field its source knows it by; null where there is none.
create function statehouse.find_record(app text, entity text, field text, value text) returns uuid
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  view      constant text := format('%I.%I', app || '_system', entity);
  type      text;
  found_ids uuid[];
begin
  select format_type(a.atttypid, a.atttypmod) into type from pg_attribute a
   where a.attrelid = to_regclass(view) and a.attname = field and a.attnum > 0 and not a.attisdropped;
  if type is null then
    raise exception using errcode = 'S1003', message = format('there is no `%s` of `%s` to find a record by', field, entity);
  end if;
  begin
    execute format('select array(select v.id from %s v where v.%I = $1::%s limit 2)', view, field, type) into found_ids using value;
  exception when data_exception then
    return null;   -- no value of this type, so no record's
  end;
  return case cardinality(found_ids) when 1 then found_ids[1] end;
end $$;
comment on function statehouse.find_record(text, text, text, text) is 'The one record whose field has this value, as the caller''s session sees it';

-- As the worker itself, through the views by which everything of the engine acts. One statement and one transaction: the
-- fence, who acts, the move, and what became of the message.
create function statehouse.apply_message(worker text, wanted_tenant int, wanted_id uuid, wanted_attempt int, app text, entity text, field text, value text,
                                         verb text, input jsonb, hopeful text[], wait interval, late text, fetched jsonb)
  returns table (state text, code text, why text, record uuid, stands text, version int)
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  outcome  jsonb := jsonb_build_object('entity', app || '.' || entity, 'verb', verb, 'input', input, 'fetched', fetched,
                                       'wait_s', extract(epoch from wait));
  held     record;
  expired  boolean;
  happened boolean;
  failed   text;
  facts    text;
  after_s  float8;
begin
  select h.waits, h.wait_until into held from statehouse.hold_message(worker, wanted_tenant, wanted_id, wanted_attempt) h;
  if not found then
    state := 'lost';
    return next;
    return;
  end if;
  expired := coalesce(held.wait_until, statehouse.now() + wait) <= statehouse.now();
  begin
    perform statehouse.enter_for('connector', wanted_tenant, app);
  exception when sqlstate 'S2011' then   -- suspended since it was claimed
    perform statehouse.settle_message(worker, wanted_tenant, wanted_id, wanted_attempt, outcome || '{"to": "waiting", "after_s": 60, "code": "SH2011"}');
    state := 'waiting';
    code := 'SH2011';
    return next;
    return;
  end;
  begin
    record := statehouse.find_record(app, entity, field, value);
    execute format('update %I.%I v set fire = $1, input = $2 where v.id = $3 returning v.state, v.version', app || '_system', entity)
       into stands, version using verb, input, record;
  exception when others then
    get stacked diagnostics failed = returned_sqlstate, why = message_text, facts = pg_exception_detail;
    if statehouse.no_verdict(failed) then raise; end if;
    code := statehouse.code_of(failed);
  end;

  if version is not null then
    state := 'done';
  elsif record is null and code is null then
    -- Its record may be on its way: what we sent is sometimes answered before we have written down that we sent it.
    state := case when expired then 'quarantined' else 'waiting' end;
    code := 'SH7107';
    why := format('there is no `%s` whose `%s` is `%s`', entity, field, left(value, 100));
    after_s := extract(epoch from statehouse.back_off(held.waits));
  elsif record is not null and code in ('SH4002', 'SH4016', 'SH4021') then   -- not now: the state does not let it
    select r.state, r.happened into stands, happened from statehouse.hold_record(entity, record, verb, input) r;
    if stands is distinct from facts::jsonb ->> 'state' then
      state := 'waiting';   -- it has moved meanwhile
      after_s := 0;
    elsif stands = any (hopeful) or code = 'SH4021' then
      state := case when expired then late else 'waiting' end;
      after_s := 1e9;       -- woken by the move that lets it, or judged once more when its time is over
    elsif happened then
      state := 'done';
      code := 'SH7105';
    else
      state := late;
    end if;
    if state = late then code := 'SH7106'; end if;
  elsif code = 'SH4003' then   -- no outside system may fire this verb, and waiting makes no difference
    state := 'dead';
  else                         -- a guard, an input, a constraint
    state := case when expired then 'dead' else 'waiting' end;
    after_s := extract(epoch from statehouse.back_off(held.waits));
  end if;

  perform statehouse.settle_message(worker, wanted_tenant, wanted_id, wanted_attempt,
    outcome || jsonb_build_object('to', state, 'after_s', after_s, 'code', code, 'why', why, 'record', record));
  perform statehouse.leave_for();
  return next;
end $$;
comment on function statehouse.apply_message(text, int, uuid, int, text, text, text, text, text, jsonb, text[], interval, text, jsonb) is
  'Fires what a message means on the record it is about. `hopeful` are the states from which the verb can still become legal. Says what became of it; `lost` where it is not the worker''s any more';

-- ── those who look after the queues ──────────────────────────────────────────
create function statehouse.is_held(m statehouse.message, epoch_ int) returns boolean
  language sql immutable parallel safe
  return (m).epoch < epoch_ and (m).state in ('due', 'waiting', 'leased');
comment on function statehouse.is_held(statehouse.message, int) is 'Whether a message would be looked at, were it not of an older epoch than this';

create function statehouse.messages(states text[] default null, wanted_source text default null, before uuid default null, most int default 100, only_id uuid default null)
  returns table (id uuid, source text, key text, n int, item int, type text, state text, received_at timestamptz, due_at timestamptz, wait_until timestamptz,
                 settled_at timestamptz, attempt int, again bigint, coverage text, secret text, entity text, record uuid, verb text, code text, why text)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c      constant statehouse.context := statehouse.admit('outside.manage');
  epoch_ constant int := statehouse.epoch();
begin
  return query
    select m.id, m.source, m.key, m.n, m.item, m.type, case when statehouse.is_held(m, epoch_) then 'held' else m.state end, m.received_at, m.due_at, m.wait_until, m.settled_at, m.attempt,
           (select coalesce(sum(d.count), 0)::bigint from statehouse.message_doublet d where d.tenant = m.tenant and d.message = m.id),
           m.coverage, m.secret, m.entity, m.record, m.verb, m.code, m.why
      from statehouse.message m
     where m.tenant = c.tenant and m.app = c.app
       and (states is null or case when statehouse.is_held(m, epoch_) then 'held' else m.state end = any (states)) and (wanted_source is null or m.source = wanted_source)
       and (before is null or m.id < before) and (only_id is null or m.id = only_id)
     order by m.id desc
     limit least(greatest(most, 0), 1000);
end $$;
comment on function statehouse.messages(text[], text, uuid, int, uuid) is
  'Messages of the caller''s tenant and app without what they say, the newest first; `held` are those that a restore keeps from being looked at; asks for `outside.manage`';

create function statehouse.message_body(wanted uuid) returns table (id uuid, body bytea, headers jsonb, query text, input jsonb, fetched jsonb)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  return query
    select m.id, m.body, m.headers, m.query, m.input, m.fetched from statehouse.message m
     where m.tenant = c.tenant and m.id = wanted and m.app = c.app;
end $$;
comment on function statehouse.message_body(uuid) is 'What one message says; asks for `outside.manage`';

create function statehouse.replay_messages(wanted uuid[]) returns setof uuid
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  return query
    update statehouse.message m
       set state = 'due', due_at = statehouse.now(), tries = 0, waits = 0, wait_until = null, settled_at = null, epoch = statehouse.epoch()
     where m.tenant = c.tenant and m.app = c.app and m.id = any (wanted) and m.state in ('dead', 'late', 'quarantined', 'ignored')
       and m.forgotten_at is null   -- of the others nothing is left to look at
    returning m.id;
  if found then perform statehouse.ring(); end if;
end $$;
comment on function statehouse.replay_messages(uuid[]) is
  'Has messages looked at again that came to nothing; which of them. A second time finds none, and what is done is never done again; asks for `outside.manage`';

create function statehouse.discard_message(c statehouse.context, wanted uuid, evidence text) returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.message m
     set state = case m.state when 'conflict' then 'conflict' else 'ignored' end, due_at = null, code = 'SH7123', why = btrim(evidence),
         settled_at = coalesce(m.settled_at, statehouse.now())
   where m.tenant = c.tenant and m.app = c.app and m.id = wanted and m.code is distinct from 'SH7123'
     and (m.state in ('waiting', 'late', 'quarantined', 'dead', 'conflict') or m.state = 'due' and statehouse.is_held(m, statehouse.epoch()));
  return found;
end $$;
comment on function statehouse.discard_message(statehouse.context, uuid, text) is
  'Puts a message away that waits, is held or came to nothing; whether this call did; callable by the owner only';

-- ── what nobody ever knew whom it was about ──────────────────────────────────
-- Who has a person forgotten reaches the messages of their records. One that never found its record is nobody's: so what
-- it said is kept for a while only. Its key and its fingerprint stay, by which it is known when it comes again.
create function statehouse.forget_messages(after interval, most int default 10000) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  before    constant text := current_setting('statehouse.kind', true);
  forgotten int;
begin
  perform set_config('statehouse.kind', 'migration', true);   -- who may take from a message what it said
  update statehouse.message m
     set body = '', headers = '{}', query = '', input = null, fetched = null, why = null, forgotten_at = statehouse.now()
   where (m.tenant, m.id) in (
     select o.tenant, o.id from statehouse.message o
      where o.record is null and o.forgotten_at is null and o.settled_at < statehouse.now() - after
      order by o.settled_at limit most for update skip locked);
  get diagnostics forgotten = row_count;
  perform set_config('statehouse.kind', coalesce(before, ''), true);
  return forgotten;
end $$;
comment on function statehouse.forget_messages(interval, int) is
  'Takes what they said from messages without a record that came to their end so long ago, at most so many; how many';

create function statehouse.make_endpoint(source text, account text, label text, out id uuid, out token text, out created_at timestamptz)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c constant statehouse.context := statehouse.admit('outside.manage', alone => true);
begin
  if (select count(*) from statehouse.endpoint e where e.tenant = c.tenant and e.revoked_at is null) >= 100 then
    perform statehouse.refuse_limit('endpoints', 100);
  end if;
  token := 'in_' || encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
  insert into statehouse.endpoint as e (tenant, token_hash, app, source, account, label, made_by)
  values (c.tenant, sha256(convert_to(token, 'UTF8')), c.app, make_endpoint.source, nullif(make_endpoint.account, ''), coalesce(make_endpoint.label, ''), c.actor)
  returning e.id, e.created_at into id, created_at;
  perform statehouse.note(c, 'endpoint_made', null, jsonb_build_object('endpoint', id, 'source', source, 'account', account));
end $$;
comment on function statehouse.make_endpoint(text, text, text) is 'A new address for a source and its token, this once; asks for `outside.manage`';

create function statehouse.endpoints()
  returns table (id uuid, source text, account text, label text, made_by uuid, created_at timestamptz, revoked_at timestamptz)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  return query
    select e.id, e.source, e.account, e.label, e.made_by, e.created_at, e.revoked_at from statehouse.endpoint e
     where e.tenant = c.tenant and e.app = c.app order by e.created_at, e.id limit 500;
end $$;
comment on function statehouse.endpoints() is 'The addresses of the caller''s tenant, without their tokens; asks for `outside.manage`';

create function statehouse.revoke_endpoint(wanted uuid) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  update statehouse.endpoint e set revoked_at = statehouse.now()
   where e.tenant = c.tenant and e.id = wanted and e.app = c.app and e.revoked_at is null;
  if not found then return false; end if;
  perform statehouse.note(c, 'endpoint_revoked', null, jsonb_build_object('endpoint', wanted));
  return true;
end $$;
comment on function statehouse.revoke_endpoint(uuid) is 'Ends an address; what came by it stays. False where there is none; asks for `outside.manage`';

-- ── asking for what was lost ─────────────────────────────────────────────────
create table statehouse.poll (
  tenant       int         not null,
  app          text        not null,
  source       text        not null,
  due_at       timestamptz not null default statehouse.now(),
  since        timestamptz,            -- when the last whole one began; null before the first
  started_at   timestamptz,            -- when the one that is under way began, or the last one
  place        jsonb,                  -- where its reading goes on; null: with the first page
  attempt      int         not null default 0,
  failures     int         not null default 0,   -- in a row
  code         text,
  worker       text,
  leased_until timestamptz,
  epoch        int         not null default statehouse.epoch(),   -- as an effect's: what it brings is held with it
  constraint poll_pkey primary key (tenant, app, source),
  constraint poll_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint poll_lease_whole check (num_nonnulls(worker, leased_until) <> 1),
  constraint poll_place_begun check (place is null or started_at is not null),
  constraint poll_place_small check (octet_length(place::text) <= 8192)
);
create index poll_due on statehouse.poll (due_at);
comment on table statehouse.poll is 'When a source was last asked for what it sent, and when it is next';

create function statehouse.begin_polls() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  insert into statehouse.inflow (tenant) values (new.tenant) on conflict do nothing;
  insert into statehouse.poll (tenant, app, source) values (new.tenant, new.app, new.source) on conflict do nothing;
  return null;
end $$;
comment on function statehouse.begin_polls() is 'A tenant that takes messages of a source is looked at for them, and may ask for them too';
create trigger polls after insert on statehouse.endpoint for each row execute function statehouse.begin_polls();

create function statehouse.claim_poll(worker text, known jsonb, lease interval)
  returns table (tenant int, slug text, app text, source text, attempt int, since timestamptz, started_at timestamptz, failures int, place jsonb)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform statehouse.check_home();
  return query
    with picked as materialized (
      select d.tenant, d.app, d.source, o.slug from statehouse.poll d
        join statehouse.tenant o on o.tenant = d.tenant and o.suspended_at is null
       where d.due_at <= statehouse.now() and (d.leased_until is null or d.leased_until <= statehouse.now())
         and known @> jsonb_build_array(jsonb_build_array(d.app, d.source))
         and exists (select from statehouse.endpoint e
                      where e.tenant = d.tenant and e.app = d.app and e.source = d.source and e.revoked_at is null)
       order by d.due_at limit 1 for update of d skip locked)
    update statehouse.poll p
       set worker = claim_poll.worker, leased_until = statehouse.now() + lease, attempt = p.attempt + 1,
           -- One that stopped in the middle goes on with the list it began to read.
           started_at = case when p.place is null then statehouse.now() else p.started_at end
      from picked t
     where p.tenant = t.tenant and p.app = t.app and p.source = t.source
    returning p.tenant, t.slug, p.app, p.source, p.attempt, p.since, p.started_at, p.failures, p.place;
end $$;
comment on function statehouse.claim_poll(text, jsonb, interval) is 'Leases one source of one tenant that is to be asked, of those in `known`, [[app, source], …]; none where nothing is due';

create function statehouse.finish_poll(worker text, wanted_tenant int, wanted_app text, wanted_source text, wanted_attempt int, good boolean, after interval, wanted_code text, at_place jsonb)
  returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.poll p
     set due_at = statehouse.now() + after, place = at_place, since = case when good and at_place is null then p.started_at else p.since end,
         failures = case when good then 0 else p.failures + 1 end, code = wanted_code, worker = null, leased_until = null
   where p.tenant = wanted_tenant and p.app = wanted_app and p.source = wanted_source
     and p.worker = finish_poll.worker and p.attempt = wanted_attempt;
  return found;
end $$;
comment on function statehouse.finish_poll(text, int, text, text, int, boolean, interval, text, jsonb) is
  'Ends a poll, or says where it goes on; only a good one that is whole moves the time from which the next asks. False where it is not the worker''s any more';

-- ── who reaches what ─────────────────────────────────────────────────────────
do $$
declare
  t text;
begin
  foreach t in array array['endpoint', 'message', 'message_doublet', 'inflow', 'poll'] loop
    execute format('alter table statehouse.%I enable row level security', t);
    execute format('alter table statehouse.%I force row level security', t);
    -- A message is stored before anybody has entered, and claimed for all tenants at once: by the functions above alone.
    execute format('create policy owner_functions on statehouse.%I to statehouse_owner using (true)', t);
    execute format('grant select on statehouse.%I to statehouse_backup', t);
  end loop;
end $$;

grant execute on function statehouse.endpoint_of(text),
  statehouse.receive_message(text, text, text, bytea, jsonb, text, text, text, text, int, bytea) to statehouse_server;
grant execute on function statehouse.receive_item(text, int, text, text, text, text, bytea),
  statehouse.claim_messages(text, text[], int, interval), statehouse.beat_messages(text, jsonb, interval), statehouse.recover_messages(int),
  statehouse.forget_messages(interval, int),
  statehouse.settle_messages(text, jsonb), statehouse.settle_message(text, int, uuid, int, jsonb),
  statehouse.hold_message(text, int, uuid, int), statehouse.hold_record(text, uuid, text, jsonb), statehouse.code_of(text),
  statehouse.no_verdict(text), statehouse.back_off(int), statehouse.find_record(text, text, text, text),
  statehouse.apply_message(text, int, uuid, int, text, text, text, text, text, jsonb, text[], interval, text, jsonb),
  statehouse.claim_poll(text, jsonb, interval), statehouse.finish_poll(text, int, text, text, int, boolean, interval, text, jsonb) to statehouse_worker;
grant execute on function statehouse.messages(text[], text, uuid, int, uuid), statehouse.message_body(uuid), statehouse.replay_messages(uuid[]),
  statehouse.make_endpoint(text, text, text), statehouse.endpoints(), statehouse.revoke_endpoint(uuid) to statehouse_api;
