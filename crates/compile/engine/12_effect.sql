-- Effects on their way out: who may send what, until when, what became of it, and how each connector fares.
--
-- A worker holds an effect by a lease with a number, its attempt. Whatever is said about the effect afterwards counts
-- under that number alone, so that a process which slept past its lease says nothing. Every such fence is a condition in
-- this file, and what may follow upon what is in one trigger, `effect_law`, which no function goes around.
--
-- Nothing here waits for anything outside: a worker claims, goes away to send, and comes back to settle.

create table statehouse.gate (
  tenant        int         not null,
  app           text        not null,
  connector     text        not null,
  state         text        not null default 'closed',   -- of its breaker
  failures      int         not null default 0,          -- in a row
  opened_at     timestamptz,
  open_until    timestamptz,                -- when one call is tried
  probe_until   timestamptz,                -- until when that one call may take
  blocked_until timestamptz,                -- the provider asked to be left alone
  tokens        numeric,                    -- calls it may be sent now; null until its rate is known
  filled_at     timestamptz,
  floor         timestamptz not null default '-infinity',   -- below it nothing was due when somebody last looked
  sweep_at      timestamptz not null default '-infinity',   -- then somebody looks below it
  served_at     timestamptz not null default '-infinity',   -- gates take turns by it
  constraint gate_pkey primary key (tenant, app, connector),
  constraint gate_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint gate_state_known check (state in ('closed', 'open', 'probing')),
  constraint gate_open_whole check (num_nonnulls(opened_at, open_until) = case state when 'closed' then 0 else 2 end),
  constraint gate_probe_whole check ((probe_until is not null) = (state = 'probing')),
  constraint gate_failures_counted check (failures >= 0),
  constraint gate_tokens_whole check (num_nonnulls(tokens, filled_at) in (0, 2) and tokens >= 0)
) with (fillfactor = 20);
comment on table statehouse.gate is 'How a connector fares for one tenant: its breaker, its rate, and how long it asked to be left alone; shared by all processes';

-- ── being woken ──────────────────────────────────────────────────────────────
-- A notification makes every commit wait for the one before it, so it is sent only when somebody sleeps. Who is about to
-- sleep takes this lock alone, and then looks once more; who owes something holds it with the others to the end of the
-- transaction. So either the sleeper's last look sees it, or it rings.
create function statehouse.ring() returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not pg_try_advisory_xact_lock_shared(x'5348'::int, 1) then
    perform pg_notify('statehouse_due', '');
  end if;
end $$;
comment on function statehouse.ring() is 'Called where something becomes due: wakes whoever sleeps at statehouse_due, and costs next to nothing while nobody does';

-- ── what may follow upon what ────────────────────────────────────────────────
create function statehouse.refuse_effect(e statehouse.effect, why text, about jsonb default '{}') returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform statehouse.refuse('SH7023', why,
    jsonb_build_object('record', (e).record, 'seq', (e).seq, 'n', (e).n, 'state', (e).state) || about,
    'send this with the request id to whoever runs the server');
end $$;
comment on function statehouse.refuse_effect(statehouse.effect, text, jsonb) is 'Refuses what never happens to an effect';

create function statehouse.effect_identity() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if (new.tenant, new.record, new.seq, new.n, new.app, new.entity, new.verb, new.connector, new.action, new.version, new.class, new.call)
     is distinct from
     (old.tenant, old.record, old.seq, old.n, old.app, old.entity, old.verb, old.connector, old.action, old.version, old.class, old.call) then
    perform statehouse.refuse_effect(old, 'an effect never becomes another');
  end if;
  -- The subject of a record may be forgotten: then the arguments go, and nothing else can come in their place.
  if new.args is distinct from old.args and (new.args <> '{}' or old.state in ('due', 'leased')) then
    perform statehouse.refuse_effect(old, 'the arguments of an effect are frozen');
  end if;
  return new;
end $$;
comment on function statehouse.effect_identity() is 'Nobody rewrites what an effect is, whom it is for, or what it is sent with';
create trigger effect_law_1_identity before update of tenant, record, seq, n, app, entity, verb, connector, action, version, class, call, args
  on statehouse.effect for each row execute function statehouse.effect_identity();

create function statehouse.effect_law() returns trigger
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  step constant text := old.state || ' → ' || new.state;
begin
  if new.state <> old.state and step not in (
       'due → leased',                                                                       -- claimed
       'leased → done', 'leased → failed', 'leased → unknown', 'leased → due', 'leased → dead',   -- settled, or its lease ran out
       'due → held', 'leased → held', 'held → due', 'held → dead', 'held → done', 'held → failed', -- a restore, and what people then say
       'dead → due',                                                                         -- tried again by somebody
       'unknown → done', 'unknown → failed', 'dead → done', 'dead → failed',                 -- said by a person
       'unknown → due') then                                                                 -- asked, and it had not happened
    perform statehouse.refuse_effect(old, format('an effect does not go from `%s` to `%s`', old.state, new.state), jsonb_build_object('to', new.state));
  end if;
  if step = 'unknown → due' and new.class = 'N' then
    perform statehouse.refuse_effect(old, 'an effect of class N that is unknown is not sent again');
  end if;
  if new.attempt <> old.attempt + (step = 'due → leased')::int then
    perform statehouse.refuse_effect(old, 'the attempt is the number of claims', jsonb_build_object('attempt', old.attempt, 'to', new.attempt));
  end if;
  if step = 'leased → leased' and new.worker <> old.worker then
    perform statehouse.refuse_effect(old, 'a lease does not change hands');
  end if;
  -- The age of the key stops a retry, so it only begins anew where nothing was ever sent.
  if old.first_at is not null and new.first_at is distinct from old.first_at and (step <> 'dead → due' or old.doubt or new.first_at is not null) then
    perform statehouse.refuse_effect(old, 'the provider has had its key since it was first claimed');
  end if;
  if new.through is distinct from old.through and (old.doubt or new.doubt or new.sending or step = 'leased → leased' or new.state not in ('leased', 'due')) then
    perform statehouse.refuse_effect(old, 'what may have reached one provider never goes to another', jsonb_build_object('through', old.through, 'to', new.through));
  end if;
  if new.class = 'N' then
    if new.sending and not old.sending and (step <> 'leased → leased' or old.doubt) then
      perform statehouse.refuse_effect(old, 'one send is written down, under a lease');
    end if;
    -- Not sent after all: who holds the lease knows, and says so with the retry.
    if old.sending and not new.sending and (step <> 'leased → due' or new.doubt) and (step <> 'leased → dead' or new.doubt) then
      perform statehouse.refuse_effect(old, 'a send that was written down is not forgotten');
    end if;
    if old.doubt and not new.doubt then
      perform statehouse.refuse_effect(old, 'a doubt about an effect of class N stays');
    end if;
  end if;
  return new;
end $$;
comment on function statehouse.effect_law() is 'What may follow upon what in the life of an effect; whoever writes';
create trigger effect_law_2_states before update of state, attempt, worker, first_at, sending, doubt, through
  on statehouse.effect for each row execute function statehouse.effect_law();
create trigger effect_law_3_kept before delete on statehouse.effect for each row execute function statehouse.keep();
create trigger effect_law_4_kept before truncate on statehouse.effect for each statement execute function statehouse.keep();

-- What became of a call, and the move that says so, are one transaction.
create function statehouse.call_moved() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  says constant text[] := case new.state when 'done'   then array['.done', '.resolve_done']
                                         when 'failed' then array['.failed', '.resolve_failed']
                                         else array['.unknown'] end;
begin
  perform set_config('statehouse.tenant', new.tenant::text, true);
  if not exists (select from statehouse.event v
                  where v.tenant = new.tenant and v.entity = new.entity and v.record = new.record and v.seq > new.seq
                    and v.xid = pg_current_xact_id() and v.verb = any (array(select new.verb || s from unnest(says) s))) then
    perform statehouse.refuse('SH7024', format('`%s` of %s %s was settled as `%s` without a move that says so', new.verb, new.entity, new.record, new.state),
      jsonb_build_object('record', new.record, 'verb', new.verb, 'to', new.state), 'fire the outcome verb in the transaction that settles the call');
  end if;
  return null;
end $$;
comment on function statehouse.call_moved() is 'Refuses the commit of a call''s outcome without the move of its record';
create constraint trigger call_moves after update of state on statehouse.effect deferrable initially deferred for each row
  when (new.call and new.state <> old.state and new.state in ('done', 'failed', 'unknown')) execute function statehouse.call_moved();

-- How a call stands, for the law of its record: the newest of this verb.
create function statehouse.call_stands(wanted_tenant int, wanted_record uuid, wanted_verb text) returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (select e.state from statehouse.effect e
           where e.tenant = wanted_tenant and e.record = wanted_record and e.verb = wanted_verb and e.call
           order by e.seq desc limit 1);
end $$;
comment on function statehouse.call_stands(int, uuid, text) is 'The state of the newest call that a verb of this record owes; callable by the owner only';

create function statehouse.refuse_in_flight(entity text, record uuid, verb text, state text, call text, stands text) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH4021', format('`%s` has to wait: `%s` is in flight', verb, call),
    jsonb_build_object('entity', entity, 'record', record, 'verb', verb, 'state', state, 'call', call, 'effect', stands),
    case stands when 'unknown' then format('somebody who may says what happened to `%s`', call)
                when 'held'    then format('somebody who may says what happened to `%s`, or lets it go out', call)
                when 'dead'    then format('somebody who may lets `%s` go out again', call)
                else 'wait for its outcome, then decide again' end);
end $$;
comment on function statehouse.refuse_in_flight(text, uuid, text, text, text, text) is 'Refuses a move while the record waits for the outcome of a call';

-- A person said what became of a call: the record's own verb ends the effect.
create function statehouse.resolve_call(wanted_tenant int, wanted_record uuid, wanted_verb text, happened boolean) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.effect e
     set state = case when happened then 'done' else 'failed' end, code = 'resolved', finished_at = statehouse.now()
   where (e.tenant, e.record, e.seq, e.n) = (
           select f.tenant, f.record, f.seq, f.n from statehouse.effect f
            where f.tenant = wanted_tenant and f.record = wanted_record and f.verb = wanted_verb and f.call
            order by f.seq desc limit 1)
     and e.state in ('unknown', 'held');
  if not found then
    -- Somebody let it go out, or said what became of it, since the verdict.
    perform statehouse.refuse('SH4021', format('the call of `%s` is neither unknown nor held any more', wanted_verb),
      jsonb_build_object('record', wanted_record, 'call', wanted_verb), 'look at the record again, then decide');
  end if;
end $$;
comment on function statehouse.resolve_call(int, uuid, text, boolean) is 'Ends the newest call of a verb as a person said; callable by the owner only';

-- ── is this the database it was? ─────────────────────────────────────────────
-- After a restore what was owed may have been done already, and the rows do not know: the outside has gone on without
-- them. So the database remembers where it lives; where that differs, another epoch begins. Whatever is owed carries the
-- epoch in which it came to be owed, and only that of the epoch in force is worked off. The rest is held until somebody
-- says what to do with it (17_held.sql).
--
-- A backup that is brought back into the database it was made of lives where it lived. But its tables are others, if they
-- were made anew, and its rows were written by another transaction than the one that wrote them first: `home_written` is the
-- transaction that wrote `home`, which a copy of both rows cannot keep true.
insert into statehouse.setting values ('home', ''), ('home_written', '');

create function statehouse.home() returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
  return (select c.system_identifier::text from pg_control_system() c) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
         || '/' || (select d.oid::text from pg_database d where d.datname = current_database()) || '/' || to_regclass('statehouse.effect')::oid::text;
comment on function statehouse.home() is 'Where this database lives: server, timeline, database, and the table of effects as it was made';

-- To ask the server's control file takes a fifth of a millisecond. While the server has not been started anew, and this is the
-- database it was, it is at home without being asked: whatever was copied or promoted runs under another start.
create function statehouse.run() returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (select d.oid::text from pg_database d where d.datname = current_database()) || '/' || to_regclass('statehouse.effect')::oid::text
         || '@' || extract(epoch from pg_postmaster_start_time())::text;
end $$;
comment on function statehouse.run() is 'This database, with its table of effects, under this start of its server';

-- Asked before every claim and every move of the engine, so that a restored database which no worker has greeted yet does
-- nothing by itself.
create function statehouse.check_home() returns void
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  known text;      -- home, and the run in which it was greeted
  kept  boolean;   -- written here, and not copied
begin
  select h.value, h.xmin::text = w.value into known, kept
    from statehouse.setting h, statehouse.setting w where h.name = 'home' and w.name = 'home_written';
  if kept is not true
     or split_part(known, ' ', 2) is distinct from statehouse.run() and split_part(known, ' ', 1) is distinct from statehouse.home() then
    perform statehouse.refuse('SH7025', 'this database is not known to be where it was', '{}', 'greet it: select * from statehouse.greet_worker()');
  end if;
end $$;
comment on function statehouse.check_home() is 'Refuses unless a worker has greeted the database where it is now';

create function statehouse.greet_worker(witness pg_lsn default null)
  returns table (restored boolean, held bigint, epoch int, lsn pg_lsn)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  here  int;
  moved bigint;
  home  constant text := statehouse.home();
  run   constant text := statehouse.run();
  known text;
  was   text;
  kept  boolean;
begin
  lsn := pg_current_wal_lsn();
  -- Workers greet one by one.
  select h.value, h.xmin::text = w.value into strict known, kept
    from statehouse.setting h, statehouse.setting w where h.name = 'home' and w.name = 'home_written' for update;
  was := split_part(known, ' ', 1);
  select s.value::int into strict epoch from statehouse.setting s where s.name = 'epoch';
  restored := was not in ('', home) or was <> '' and not kept or coalesce(lsn < witness, false);
  held := 0;
  if not kept or known <> home || ' ' || run then
    update statehouse.setting s set value = home || ' ' || run where s.name = 'home';
    update statehouse.setting s set value = (select h.xmin::text from statehouse.setting h where h.name = 'home') where s.name = 'home_written';
  end if;
  if restored then
    -- Who is writing down what he owes comes to his end first; who comes after him owes it in the new epoch.
    lock table statehouse.effect in share row exclusive mode;
    epoch := epoch + 1;
    update statehouse.setting s set value = epoch::text where s.name = 'epoch';
    update statehouse.setting s set value = statehouse.now()::text where s.name = 'restored_at';
    -- Another machine's clock may be behind.
    update statehouse.gate g set floor = '-infinity', sweep_at = '-infinity' where g.floor > '-infinity' or g.sweep_at > '-infinity';
    update statehouse.inflow i set floor = '-infinity', sweep_at = '-infinity' where i.floor > '-infinity' or i.sweep_at > '-infinity';
  elsif epoch = 1 then
    return next;
    return;
  end if;
  -- Messages, timers, times of schedules, polls and calls to subscribers are held by their epoch alone, however many they
  -- are. Of effects there may be some that were written with an older look at the epoch while it rose.
  for here in select t.tenant from statehouse.tenant t order by t.tenant loop
    perform set_config('statehouse.tenant', here::text, true);
    -- Class N and written down as being sent: nobody can tell, restored or not. Of the others any may have been sent since.
    update statehouse.effect e
       set state = case when e.sending and not e.call then 'unknown' else 'held' end,
           doubt = e.doubt or e.class <> 'N' or e.sending, worker = null, leased_until = null, code = 'restored'
     where e.tenant = here and e.state in ('due', 'leased') and e.epoch < greet_worker.epoch;
    get diagnostics moved = row_count;
    held := held + moved;
    -- One that was given up may have been tried again by somebody in the days that are lost.
    update statehouse.effect e set doubt = true
     where e.tenant = here and e.state = 'dead' and e.class <> 'N' and not e.doubt and e.epoch < greet_worker.epoch;
  end loop;
  perform set_config('statehouse.tenant', '', true);
  return next;
end $$;
comment on function statehouse.greet_worker(pg_lsn) is
  'Whether the database is where it was and not behind what the worker remembers; where it is not, what was owed is held, and nothing goes out by itself';

-- ── gates ────────────────────────────────────────────────────────────────────
create function statehouse.open_gates(app text, connectors text[]) returns int
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  made int;
begin
  insert into statehouse.gate (tenant, app, connector)
  select t.tenant, open_gates.app, c.connector
    from statehouse.tenant t cross join (select distinct unnest(connectors)) as c (connector)
   where t.erased_at is null
     and not exists (select from statehouse.gate g where g.tenant = t.tenant and g.app = open_gates.app and g.connector = c.connector)
  on conflict do nothing;
  get diagnostics made = row_count;
  return made;
end $$;
comment on function statehouse.open_gates(text, text[]) is 'Makes the gates that are missing, one per tenant for each connector of an app; how many';

create function statehouse.report_gate(wanted_tenant int, wanted_app text, wanted_connector text, good int, bad int, blocked interval,
                                       failures_max int, open_for interval) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  g    statehouse.gate;
  now_ constant timestamptz := statehouse.now();
begin
  select f.* into g from statehouse.gate f
   where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_connector for update;
  if not found then return null; end if;
  g.failures := case when good > 0 then 0 else least(g.failures + bad, 1000000) end;
  if good > 0 then
    -- It answers. What was sent before the breaker opened, and is answered only now, says so just as well.
    g.state := 'closed'; g.opened_at := null; g.open_until := null; g.probe_until := null;
  elsif bad > 0 and (g.state = 'probing' or g.state = 'closed' and g.failures >= failures_max) then
    g.state := 'open'; g.opened_at := now_; g.open_until := now_ + open_for; g.probe_until := null;
  end if;
  update statehouse.gate f
     set state = g.state, failures = g.failures, opened_at = g.opened_at, open_until = g.open_until, probe_until = g.probe_until,
         blocked_until = greatest(f.blocked_until, now_ + blocked)   -- nobody shortens what the provider asked for
   where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_connector;
  return g.state;
end $$;
comment on function statehouse.report_gate(int, text, text, int, int, interval, int, interval) is
  'Tells a gate how its calls went: failures in a row open the breaker, an answer closes it, and a provider that asked for it is left alone';

-- ── claiming ─────────────────────────────────────────────────────────────────
create type statehouse.claimed as (
  tenant int, slug text, record uuid, seq int, n int, app text, entity text, verb text, connector text, action text, version int, class text,
  call boolean, args jsonb, due_at timestamptz, attempt int, tries int, doubt boolean, first_at timestamptz, leased_until timestamptz,
  now timestamptz, probe boolean, through text);
comment on type statehouse.claimed is 'An effect lent to a worker: what to send, to whom, until when, and what is known about it';

-- Both are expressions, which Postgres puts into whoever asks.
create function statehouse.gate_is_shut(g statehouse.gate, now_ timestamptz) returns boolean
  language sql immutable parallel safe
  return (g).state = 'open' and (g).open_until > now_ or (g).state = 'probing' and (g).probe_until > now_;
comment on function statehouse.gate_is_shut(statehouse.gate, timestamptz) is 'Whether the breaker lets no call through: it is open, or its one call is under way';

create function statehouse.gate_tokens(g statehouse.gate, per_second numeric, burst int, now_ timestamptz) returns numeric
  language sql immutable parallel safe
  return least(greatest(burst, 1), coalesce((g).tokens + per_second * greatest(extract(epoch from now_ - (g).filled_at), 0), greatest(burst, 1)));
comment on function statehouse.gate_tokens(statehouse.gate, numeric, int, timestamptz) is 'How many calls a gate has by now, at this rate and at most a burst; a gate whose rate is new has a burst';

-- What of one gate may go out now. The gate's row is held, so that its tokens are counted once and one call probes.
--
-- Due effects are found by an index in the order of their due times. Behind each that was claimed stays an index entry
-- that is dead, but has to be read for as long as somebody holds an older snapshot. The floor is where the living begin;
-- it stays a second behind the clock, since a transaction may owe something at the time it began and commit after others.
-- Whoever commits later still is found by the sweep, which reads from the beginning, and the less often the longer it takes.
--
-- There is one way to read this. Where much waits for a later day the planner would think it over at each call, for as long
-- as the claim itself takes.
create function statehouse.claim_gate(worker text, wanted_tenant int, wanted_app text, wanted_connector text, versions int[], per_second numeric,
                                      burst int, most int, lease interval, patient boolean) returns setof statehouse.claimed
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  g       statehouse.gate;
  now_    constant timestamptz := statehouse.now();
  began   constant timestamptz := clock_timestamp();
  slug_   text;
  epoch_  constant int := statehouse.epoch();
  probing boolean;
  sweeps  boolean;
  from_   timestamptz;
  rest    timestamptz;
  took    int;
  looked  interval;
begin
  if patient then
    select f.* into g from statehouse.gate f
     where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_connector for update;
  else
    select f.* into g from statehouse.gate f
     where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_connector for update skip locked;
  end if;
  if not found or g.blocked_until > now_ then return; end if;
  select t.slug into slug_ from statehouse.tenant t where t.tenant = wanted_tenant and t.suspended_at is null;
  if not found then return; end if;
  if statehouse.gate_is_shut(g, now_) then return; end if;
  probing := g.state <> 'closed';
  if per_second is null then
    g.tokens := null; g.filled_at := null;
  else
    g.tokens := statehouse.gate_tokens(g, per_second, burst, now_);
    g.filled_at := greatest(g.filled_at, now_);
    most := least(most, floor(g.tokens)::int);
  end if;
  if probing then most := least(most, 1); end if;
  if most < 1 then return; end if;
  sweeps := began >= g.sweep_at;
  from_ := case when sweeps then '-infinity' else g.floor end;
  perform set_config('statehouse.tenant', wanted_tenant::text, true);
  return query
    with picked as materialized (
      select e.record, e.seq, e.n from statehouse.effect e
       where e.tenant = wanted_tenant and e.app = wanted_app and e.connector = wanted_connector and e.state = 'due'
         and e.due_at >= from_ and e.due_at <= now_ and e.version = any (versions) and e.epoch >= epoch_
         and e.through is null   -- what goes through another connector is lent by claim_through
       order by e.due_at
       limit most
         for update skip locked)
    update statehouse.effect e
       set state = 'leased', attempt = e.attempt + 1, first_at = coalesce(e.first_at, now_),
           worker = claim_gate.worker, leased_until = now_ + lease
      from picked p
     where e.tenant = wanted_tenant and e.record = p.record and e.seq = p.seq and e.n = p.n
    returning e.tenant, slug_, e.record, e.seq, e.n, e.app, e.entity, e.verb, e.connector, e.action, e.version, e.class::text,
              e.call, e.args::jsonb, e.due_at, e.attempt, e.attempt - e.spared, e.doubt, e.first_at, e.leased_until, now_, probing, e.through;
  get diagnostics took = row_count;
  -- Where what is still due begins: of other versions, held by somebody for a moment, or more than was asked for.
  select e.due_at into rest from statehouse.effect e
   where e.tenant = wanted_tenant and e.app = wanted_app and e.connector = wanted_connector and e.state = 'due' and e.due_at >= from_
   order by e.due_at limit 1;
  perform set_config('statehouse.tenant', '', true);
  looked := clock_timestamp() - began;
  update statehouse.gate f
     set floor = case when sweeps and took = 0 and looked < interval '5 milliseconds' then '-infinity'   -- nothing dead lies there: no need of a floor
                      when sweeps then least(rest, now_ - interval '1 second')
                      else greatest(f.floor, least(rest, now_ - interval '1 second')) end,
         sweep_at  = case when sweeps then clock_timestamp() + greatest(interval '5 seconds', 20 * looked) else f.sweep_at end,
         served_at = case when took > 0 then clock_timestamp() else f.served_at end,
         tokens    = g.tokens - case when per_second is null then null else took end, filled_at = g.filled_at,
         state       = case when probing and took > 0 then 'probing' else f.state end,
         probe_until = case when probing and took > 0 then now_ + lease else f.probe_until end
   where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_connector;
end $$;
comment on function statehouse.claim_gate(text, int, text, text, int[], numeric, int, int, interval, boolean) is
  'Lends what of one gate may go out now; nothing while it is parked, open, out of tokens, of a suspended tenant, or in other hands';

-- The round over the gates, in turn. It looks with the worker's own eyes, which see what is due in every tenant; what it
-- finds is lent gate by gate, within the gate's tenant.
create function statehouse.claim_effects(worker text, known jsonb, most int, lease interval) returns setof statehouse.claimed
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  gates constant int := 64;   -- of one call; those behind them come first in the next
  lane    record;
  had     jsonb := '{}';   -- by lane
  share   int;
  got     int;
  taken   int := 0;
  more    boolean;         -- somebody would have taken more than a share
  patient boolean := false;
begin
  perform statehouse.check_home();
  most := least(most, 1000);
  for round in 1 .. 2 loop
    more := false;
    for lane in
      select l.*, row_number() over (order by l.served_at) as place, count(*) over () as places
        from (select g.tenant, g.app, g.connector, g.served_at, k.versions, k.per_second, k.burst, k.most, concat_ws('/', g.tenant, g.app, g.connector) as name
                from (select f.* from statehouse.gate f order by f.served_at, f.tenant) g
                join jsonb_to_recordset(known) as k (app text, connector text, versions int[], per_second numeric, burst int, most int)
                  on k.app = g.app and k.connector = g.connector
               where coalesce(g.blocked_until, '-infinity') <= statehouse.now()
                 and coalesce(case g.state when 'open' then g.open_until when 'probing' then g.probe_until end, '-infinity') <= statehouse.now()
                 and coalesce(g.tokens + k.per_second * extract(epoch from statehouse.now() - g.filled_at), 1) >= 1
                 and (g.floor > '-infinity' and g.sweep_at <= clock_timestamp()   -- whoever is to be swept is looked at as a whole
                      or exists (select from statehouse.effect e
                                  where e.tenant = g.tenant and e.app = g.app and e.connector = g.connector and e.state = 'due'
                                    and e.due_at >= g.floor and e.due_at <= statehouse.now()
                                  order by e.due_at limit 1))
               limit gates) l
       order by place
    loop
      -- An even share of what is left: nobody's thousands come before another's one.
      share := least(lane.most - coalesce((had ->> lane.name)::int, 0), ceil((most - taken)::numeric / (lane.places - lane.place + 1))::int);
      return query
        select c.* from statehouse.claim_gate(worker, lane.tenant, lane.app, lane.connector, lane.versions, lane.per_second, lane.burst, share,
                                              lease, patient) c;
      get diagnostics got = row_count;
      taken := taken + got;
      had := had || jsonb_build_object(lane.name, coalesce((had ->> lane.name)::int, 0) + got);
      more := more or got = share;
      exit when taken >= most or patient;
    end loop;
    -- What some leave of their share goes to the others. Where all left everything, others are at work at every gate: wait
    -- for the first of them.
    exit when not found or taken >= most or taken > 0 and not more;
    patient := taken = 0;
  end loop;
end $$;
comment on function statehouse.claim_effects(text, jsonb, int, interval) is
  'Lends due effects that a worker knows how to send: at most so many, gates in turn, an even share each';

-- ── holding ──────────────────────────────────────────────────────────────────
-- What a worker says it holds, [[tenant, "record", seq, n, attempt], …], and how it is told which of it is true.
create type statehouse.hold as (tenant int, record uuid, seq int, n int, attempt int);
comment on type statehouse.hold is 'One claim of one effect';

create function statehouse.holds(held jsonb) returns setof statehouse.hold
  language sql immutable
begin atomic
  select (h ->> 0)::int, (h ->> 1)::uuid, (h ->> 2)::int, (h ->> 3)::int, (h ->> 4)::int from jsonb_array_elements(held) h;
end;
comment on function statehouse.holds(jsonb) is 'What a worker says it holds, as rows';

create function statehouse.beat_effects(worker text, held jsonb, lease interval) returns jsonb
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  here  int;
  kept  jsonb;
  still jsonb := '[]';
begin
  for here in select distinct h.tenant from statehouse.holds(held) h order by h.tenant loop
    perform set_config('statehouse.tenant', here::text, true);
    with kept_ as (
      update statehouse.effect e set leased_until = statehouse.now() + lease
        from statehouse.holds(held) h
       where h.tenant = here and e.tenant = here and e.record = h.record and e.seq = h.seq and e.n = h.n
         and e.state = 'leased' and e.attempt = h.attempt and e.worker = beat_effects.worker
      returning e.tenant, e.record, e.seq, e.n, e.attempt)
    select coalesce(jsonb_agg(to_jsonb(k)), '[]') into kept from kept_ k;
    still := still || kept;
  end loop;
  perform set_config('statehouse.tenant', '', true);
  return still;
end $$;
comment on function statehouse.beat_effects(text, jsonb, interval) is 'Keeps what is still the worker''s for a while longer; says what that is';

create function statehouse.mark_sending(worker text, held jsonb) returns jsonb
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  here   int;
  marked jsonb;
  may    jsonb := '[]';
begin
  perform statehouse.check_home();
  for here in select distinct h.tenant from statehouse.holds(held) h order by h.tenant loop
    perform set_config('statehouse.tenant', here::text, true);
    with marked_ as (
      update statehouse.effect e set sending = true
        from statehouse.holds(held) h
       where h.tenant = here and e.tenant = here and e.record = h.record and e.seq = h.seq and e.n = h.n
         and e.state = 'leased' and e.attempt = h.attempt and e.worker = mark_sending.worker and e.leased_until > statehouse.now()
         and e.class = 'N' and not e.sending and not e.doubt
      returning e.tenant, e.record, e.seq, e.n, e.attempt)
    select coalesce(jsonb_agg(to_jsonb(m)), '[]') into marked from marked_ m;
    may := may || marked;
  end loop;
  perform set_config('statehouse.tenant', '', true);
  return may;
end $$;
comment on function statehouse.mark_sending(text, jsonb) is 'Writes down the one send of effects of class N, right before it; says for which it may be made';

-- ── leases that ran out ──────────────────────────────────────────────────────
create function statehouse.recover_effect(wanted_tenant int, wanted_record uuid, wanted_seq int, wanted_n int, asks jsonb default '{}') returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  now_   constant timestamptz := statehouse.now();
  became text;
begin
  perform set_config('statehouse.tenant', wanted_tenant::text, true);
  perform from statehouse.effect e
    where e.tenant = wanted_tenant and e.record = wanted_record and e.seq = wanted_seq and e.n = wanted_n
      and e.state = 'leased' and e.leased_until <= now_
      for update skip locked;   -- another process is at it, or its own worker after all
  if found then
    -- Of class K and Q it may have been sent, and sending its key or asking tells. Of class N it was sent if that was
    -- written down; a call of this kind goes through a worker once more, which fires the verb that says so.
    update statehouse.effect e
       set state = case when e.sending and not e.call then 'unknown' else 'due' end,
           doubt = e.doubt or e.class <> 'N' or e.sending,
           due_at = case when e.sending and not e.call then e.due_at
                         -- Its last send may be as late as its lease, and a provider does not know at once what it was sent.
                         when e.class = 'Q' then greatest(now_, e.leased_until + make_interval(secs => coalesce((asks ->> (e.app || '.' || coalesce(e.through, e.connector)))::float8, 0)))
                         else now_ end,
           worker = null, leased_until = null, code = 'lease_ran_out',
           tried = statehouse.tried(e.tried, jsonb_build_object('at', now_, 'worker', e.worker, 'attempt', e.attempt, 'code', 'lease_ran_out'))
     where e.tenant = wanted_tenant and e.record = wanted_record and e.seq = wanted_seq and e.n = wanted_n
    returning case when e.state = 'unknown' then 'unknown' when e.doubt then 'doubted' else 'due' end into became;
  end if;
  perform set_config('statehouse.tenant', '', true);
  return became;
end $$;
comment on function statehouse.recover_effect(int, uuid, int, int, jsonb) is
  'Takes up one effect whose lease ran out; what became of it, null where somebody else is at it. `asks` says of connectors, {"app.connector": s}, how long a doubt rests before it is asked about';

-- Looks with the worker's own eyes, which see leases of every tenant. `since` spares reading what is long over.
create function statehouse.recover_effects(most int, since timestamptz default '-infinity', asks jsonb default '{}')
  returns table (tenant int, record uuid, seq int, n int, became text)
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
  set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  lost record;
begin
  for lost in
    select e.tenant, e.record, e.seq, e.n from statehouse.effect e
     where e.state = 'leased' and e.leased_until >= since and e.leased_until <= statehouse.now()
     order by e.leased_until limit least(most, 10000)
  loop
    tenant := lost.tenant; record := lost.record; seq := lost.seq; n := lost.n;
    became := statehouse.recover_effect(lost.tenant, lost.record, lost.seq, lost.n, asks);
    if became is not null then return next; end if;
  end loop;
end $$;
comment on function statehouse.recover_effects(int, timestamptz, jsonb) is 'Takes up effects whose lease ran out: due again, in doubt where they may have been sent, unknown where nobody can tell';

-- ── settling ─────────────────────────────────────────────────────────────────
create function statehouse.tried(before jsonb, attempt jsonb) returns jsonb
  language sql immutable
  return case when jsonb_array_length(before) >= 10 then before - 0 else before end || jsonb_build_array(attempt);
comment on function statehouse.tried(jsonb, jsonb) is 'The last ten attempts, with one more';

create type statehouse.outcome as (
  tenant int, record uuid, seq int, n int, attempt int, "to" text, after float8, doubt boolean, counts boolean, result jsonb, code text,
  status int, ms bigint, through text);
comment on type statehouse.outcome is 'What a worker says became of one attempt; `after` in seconds, for what is to be tried again, and `through` for what goes to another connector then';

-- The fence: worker, attempt and state. Whoever is not found here has lost the effect, and says nothing about it.
create function statehouse.settle_within(worker text, here int, outcomes jsonb, calls boolean) returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  now_    constant timestamptz := statehouse.now();
  settled jsonb;
begin
  perform set_config('statehouse.tenant', here::text, true);
  with told as (
    -- A call is given up only when what is known of it could not be written: whoever lets it go out again does not know.
    select o.*, coalesce(o.doubt, false) or e.call and o."to" = 'dead' as doubts, e.doubt as doubted, e.class, e.call
      from jsonb_populate_recordset(null::statehouse.outcome, outcomes) o
      join statehouse.effect e on e.tenant = here and e.record = o.record and e.seq = o.seq and e.n = o.n
     where o.tenant = here),
  said as (
    -- Neither key nor question: what may have been sent is not tried again. A call is, for the verb that says so.
    select t.*, case when t."to" = 'due' and t.class = 'N' and not t.call and (t.doubts or t.doubted) then 'unknown' else t."to" end as becomes
      from told t),
  settled_ as (
    update statehouse.effect e
       set state        = s.becomes,
           due_at       = case s.becomes when 'due' then now_ + make_interval(secs => least(greatest(coalesce(s.after, 0), 0), 31536000)) else e.due_at end,
           worker       = null,
           leased_until = null,
           -- Of class K and Q a doubt is over once the provider has said so; of class N nobody can ask.
           doubt        = s.doubts or s.doubted and (e.class = 'N' or s.becomes not in ('due', 'dead')),
           -- Not a byte was sent, so the one send of class N is still to come.
           sending      = e.sending and (s.becomes not in ('due', 'dead') or s.doubts or s.doubted),
           through      = case when s.becomes = 'due' and not s.doubts and not s.doubted then coalesce(s.through, e.through) else e.through end,
           spared       = e.spared + (s.becomes = 'due' and not coalesce(s.counts, true))::int,
           result       = case when s.becomes in ('done', 'failed') then statehouse.bounded(s.result) end,
           code         = left(s.code, 200),
           tried        = statehouse.tried(e.tried, jsonb_strip_nulls(jsonb_build_object(
                            'at', now_, 'worker', e.worker, 'attempt', e.attempt, 'through', e.through, 'to', s.becomes, 'code', left(s.code, 200), 'status', s.status, 'ms', s.ms))),
           finished_at  = case when s.becomes in ('done', 'failed') then now_ end
      from said s
     where e.tenant = here and e.record = s.record and e.seq = s.seq and e.n = s.n
       and e.state = 'leased' and e.attempt = s.attempt and e.worker = settle_within.worker
       -- What becomes of a call is a move of its record; what is said of it here without one is that it is tried again or given up.
       and case when e.call then calls = (s.becomes in ('done', 'failed', 'unknown')) else not calls end
    returning e.tenant, e.record, e.seq, e.n, s.attempt)
  select coalesce(jsonb_agg(to_jsonb(r)), '[]') into settled from settled_ r;
  perform set_config('statehouse.tenant', '', true);
  return settled;
end $$;
comment on function statehouse.settle_within(text, int, jsonb, boolean) is
  'Writes down what became of effects of one tenant that are still the worker''s; says of which; callable by the owner only';

create function statehouse.bounded(result jsonb) returns jsonb
  language sql immutable
  return case when octet_length(result::text) > 16384 then jsonb_build_object('too_large', octet_length(result::text)) else result end;
comment on function statehouse.bounded(jsonb) is 'A result that may be kept; of one that is larger, how large it was: a fact is never lost for its size';

create function statehouse.settle_effects(worker text, outcomes jsonb) returns jsonb
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  here    int;
  settled jsonb := '[]';
begin
  for here in select distinct (o ->> 'tenant')::int from jsonb_array_elements(outcomes) o order by 1 loop
    settled := settled || statehouse.settle_within(worker, here, outcomes, false);
  end loop;
  return settled;
end $$;
comment on function statehouse.settle_effects(text, jsonb) is
  'Writes down what became of effects that are still the worker''s; says of which. Of calls only that they are tried again or given up';

-- In the transaction that then fires the outcome verb; whoever has lost the lease is refused, and with them the verb.
create function statehouse.settle_call(worker text, outcome jsonb) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if statehouse.settle_within(worker, (outcome ->> 'tenant')::int, jsonb_build_array(outcome), true) = '[]' then
    perform statehouse.refuse('SH7020', format('the lease of %s-%s-%s under attempt %s is lost', outcome ->> 'record', outcome ->> 'seq', outcome ->> 'n', outcome ->> 'attempt'),
      outcome - array['tenant', 'result', 'status', 'ms', 'code', 'doubt', 'to'], 'let it be: whoever holds the effect now settles it');
  end if;
end $$;
comment on function statehouse.settle_call(text, jsonb) is
  'Writes down that a call is done, failed or unknown; the transaction ends only with the move of the record that says so';

-- ── a session for the length of a transaction ────────────────────────────────
create function statehouse.enter_for(kind text, tenant int, app text) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  before constant text := coalesce(current_setting('statehouse.session', true), '');
  token  constant text := statehouse.enter_as(kind, tenant, app);
begin
  perform statehouse.check_home();
  perform set_config('statehouse.session', before, false);   -- what the connection had stays behind it
  perform set_config('statehouse.session', token, true);
end $$;
comment on function statehouse.enter_for(text, int, text) is 'As enter_as, for this transaction alone; leave_for ends it';

create function statehouse.leave_for() returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  delete from statehouse.session s
   where s.token_hash = sha256(convert_to(current_setting('statehouse.session', true), 'UTF8'))
     and s.kind in ('system', 'worker', 'timer', 'connector', 'import');
  perform set_config('statehouse.session', '', true);
end $$;
comment on function statehouse.leave_for() is 'Ends the session that enter_for opened, and leaves no row of it';

-- ── what people see and do ───────────────────────────────────────────────────
-- Neither what an effect is sent with nor what came back: the tenant's records hold what its people may see of that.
create function statehouse.outbox(states text[], after_due_at timestamptz, after_record uuid, after_seq int, after_n int, most int)
  returns table (record uuid, seq int, n int, entity text, verb text, connector text, action text, class text, call boolean, state text,
                 due_at timestamptz, attempt int, doubt boolean, code text, tried jsonb, finished_at timestamptz)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  return query
    select o.record, o.seq, o.n, o.entity, o.verb, o.connector, o.action, o.class::text, o.call, o.state, o.due_at, o.attempt, o.doubt, o.code,
           o.tried, o.finished_at
      from (select distinct unnest(case when states = '{}' then array['due', 'leased', 'done', 'failed', 'unknown', 'held', 'dead'] else states end)) as s (state)
     cross join lateral (
       select e.* from statehouse.effect e
        where e.tenant = c.tenant and e.app = c.app and e.state = s.state
          and (after_due_at is null or e.due_at <= after_due_at and (e.due_at, e.record, e.seq, e.n) < (after_due_at, after_record, after_seq, after_n))
        order by e.due_at desc, e.record desc, e.seq desc, e.n desc
        limit least(most, 200)) o
     order by o.due_at desc, o.record desc, o.seq desc, o.n desc
     limit least(most, 200);
end $$;
comment on function statehouse.outbox(text[], timestamptz, uuid, int, int, int) is
  'A page of the effects of the caller''s tenant and app in these states, in any if none is named, newest due time first; needs `outside.manage`';

create function statehouse.gates()
  returns table (connector text, state text, failures int, opened_at timestamptz, open_until timestamptz, blocked_until timestamptz, due bigint,
                 oldest_due_at timestamptz)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  return query
    select g.connector, g.state, g.failures, g.opened_at, g.open_until, g.blocked_until, w.due, w.oldest
      from statehouse.gate g
     cross join lateral (
       select count(*) as due, min(f.due_at) as oldest from (
         select e.due_at from statehouse.effect e
          where e.tenant = c.tenant and e.app = c.app and e.connector = g.connector and e.state = 'due' and e.due_at <= statehouse.now()
          order by e.due_at limit 1000) f) w
     where g.tenant = c.tenant and g.app = c.app
     order by g.connector limit 1000;
end $$;
comment on function statehouse.gates() is 'The gates of the caller''s tenant and app, and how much waits before each, counted up to 1000; needs `outside.manage`';

create function statehouse.replay_effect(c statehouse.context, wanted_record uuid, wanted_seq int, wanted_n int, states text[]) returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  now_ constant timestamptz := statehouse.now();
begin
  update statehouse.effect e
     set state = 'due', due_at = now_, code = 'replayed', spared = e.attempt, epoch = statehouse.epoch(),
         -- Given up without a doubt: the provider never had its key. Held by a restore: it may have it since it was due.
         first_at = case when e.state = 'held' then coalesce(e.first_at, e.due_at) when e.doubt then e.first_at end,
         tried = statehouse.tried(e.tried, jsonb_build_object('at', now_, 'to', 'due', 'code', 'replayed', 'by', c.actor))
   where e.tenant = c.tenant and e.app = c.app and e.record = wanted_record and e.seq = wanted_seq and e.n = wanted_n
     and e.state = any (states) and e.code is distinct from 'erased';   -- of a forgotten subject nothing is left to send
  return found;
end $$;
comment on function statehouse.replay_effect(statehouse.context, uuid, int, int, text[]) is
  'Makes one effect in one of these states due again; whether it did; callable by the owner only';

create function statehouse.replay_effects(ids jsonb) returns table (record uuid, seq int, n int, due boolean)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c  constant statehouse.context := statehouse.admit('outside.manage');
  id jsonb;
begin
  if jsonb_typeof(ids) is distinct from 'array' then
    perform statehouse.refuse('SH7021', 'the effects are no list', '{}', 'name them as [[record, seq, n], …]');
  end if;
  if jsonb_array_length(ids) > 200 then
    perform statehouse.refuse('SH8002', format('%s effects in one call', jsonb_array_length(ids)), '{}', 'replay at most 200 at once');
  end if;
  for id in select distinct i from jsonb_array_elements(ids) i order by i loop
    record := (id ->> 0)::uuid; seq := (id ->> 1)::int; n := (id ->> 2)::int;
    due := statehouse.replay_effect(c, record, seq, n, '{held,dead}');
    -- One that is not there, or not the caller's to know of, is not spoken of.
    if due or exists (select from statehouse.effect e where e.tenant = c.tenant and e.app = c.app
                       and e.record = replay_effects.record and e.seq = replay_effects.seq and e.n = replay_effects.n) then
      return next;
    end if;
  end loop;
  perform statehouse.ring();
end $$;
comment on function statehouse.replay_effects(jsonb) is 'Makes effects due again that are held or dead; says of each whether this call did; needs `outside.manage`';

create function statehouse.insist_on_evidence(evidence text) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if length(btrim(coalesce(evidence, ''))) not between 3 and 1000 then
    perform statehouse.refuse('SH7022', 'say what you go by, in 3 to 1000 characters', '{}', 'say in a few words what you go by');
  end if;
end $$;
comment on function statehouse.insist_on_evidence(text) is 'Refuses what somebody says without what they go by';

create function statehouse.resolve_effect(record uuid, seq int, n int, happened boolean, evidence text) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c    constant statehouse.context := statehouse.admit('outside.manage');
  now_ constant timestamptz := statehouse.now();
  ends constant text := case when happened then 'done' else 'failed' end;
  e    statehouse.effect;
begin
  perform statehouse.insist_on_evidence(evidence);
  if happened is null then
    perform statehouse.refuse('SH7022', 'whether it happened is not said', '{}', 'say true or false');
  end if;
  select f.* into e from statehouse.effect f
   where f.tenant = c.tenant and f.app = c.app and f.record = resolve_effect.record and f.seq = resolve_effect.seq and f.n = resolve_effect.n for update;
  if not found then
    perform statehouse.refuse('SH1002', 'there is no such effect that you can see', '{}', 'check the id');
  end if;
  if e.state not in ('unknown', 'held', 'dead') or e.call then
    perform statehouse.refuse('SH7021', format('%s-%s-%s is no unknown effect', resolve_effect.record, resolve_effect.seq, resolve_effect.n),
      jsonb_strip_nulls(jsonb_build_object('record', resolve_effect.record, 'seq', resolve_effect.seq, 'n', resolve_effect.n, 'state', e.state, 'call', e.call)),
      'look at the effect again; a call is resolved by its record''s own verbs');
  end if;
  update statehouse.effect f
     set state = ends, code = 'resolved', finished_at = now_,
         tried = statehouse.tried(f.tried, jsonb_build_object('at', now_, 'to', ends, 'code', 'resolved', 'by', c.actor, 'evidence', btrim(evidence)))
   where f.tenant = c.tenant and f.record = resolve_effect.record and f.seq = resolve_effect.seq and f.n = resolve_effect.n;
end $$;
comment on function statehouse.resolve_effect(uuid, int, int, boolean, text) is
  'A member says what became of an effect that is unknown, held or dead, and what they go by; needs `outside.manage`';

-- ── who may ──────────────────────────────────────────────────────────────────
alter table statehouse.gate enable row level security;
alter table statehouse.gate force row level security;
create policy owner_functions on statehouse.gate to statehouse_owner using (true);
create policy worker_sees on statehouse.gate for select to statehouse_worker using (true);
grant select on statehouse.gate to statehouse_worker, statehouse_backup;

grant execute on function statehouse.claim_effects(text, jsonb, int, interval), statehouse.check_home(), statehouse.epoch(),
  statehouse.claim_gate(text, int, text, text, int[], numeric, int, int, interval, boolean),
  statehouse.recover_effects(int, timestamptz, jsonb), statehouse.recover_effect(int, uuid, int, int, jsonb),
  statehouse.beat_effects(text, jsonb, interval), statehouse.mark_sending(text, jsonb),
  statehouse.settle_effects(text, jsonb), statehouse.settle_call(text, jsonb),
  statehouse.enter_for(text, int, text), statehouse.leave_for(),
  statehouse.open_gates(text, text[]), statehouse.report_gate(int, text, text, int, int, interval, int, interval),
  statehouse.greet_worker(pg_lsn) to statehouse_worker;
grant execute on function statehouse.outbox(text[], timestamptz, uuid, int, int, int), statehouse.gates(), statehouse.replay_effects(jsonb),
  statehouse.resolve_effect(uuid, int, int, boolean, text) to statehouse_api;
