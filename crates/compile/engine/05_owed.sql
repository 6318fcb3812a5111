-- What is owed: effects to the outside, timers, and the keys that make a repeated request harmless.

create domain statehouse.connector_class as text constraint connector_class_known check (value in ('K', 'Q', 'N'));
comment on domain statehouse.connector_class is 'K honours our key, Q can be asked, N neither';

create domain statehouse.frozen_args as jsonb constraint effect_args_bounded check (octet_length(value::text) <= 65536);
comment on domain statehouse.frozen_args is 'Arguments of an effect, at most 64 KiB';

create domain statehouse.idempotency_key as text constraint key_bounded check (length(value) between 1 and 255);
comment on domain statehouse.idempotency_key is 'What a caller names a request by';

create domain statehouse.effect_result as jsonb constraint effect_result_bounded check (octet_length(value::text) <= 16384);
comment on domain statehouse.effect_result is 'What an answer of a provider was mapped to, at most 16 KiB';

create function statehouse.epoch() returns int
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (select s.value::int from statehouse.setting s where s.name = 'epoch');
end $$;
comment on function statehouse.epoch() is 'The epoch in force: what is owed since an older one is held';

create table statehouse.effect (
  tenant       int         not null,
  record       uuid        not null,
  seq          int         not null,
  n            int         not null,   -- position among the transition's effects
  app          text        not null,
  entity       text        not null,
  verb         text        not null,
  connector    text        not null,
  action       text        not null,
  version      int         not null,   -- of the connector: a worker claims only what it knows
  class        statehouse.connector_class not null,
  call         boolean     not null default false,   -- of a claiming transition: what becomes of it is a move of the record
  args         statehouse.frozen_args not null,      -- frozen at the transition
  state        text        not null default 'due',
  due_at       timestamptz not null,
  attempt      int         not null default 0,       -- number of the newest claim: the fence
  spared       int         not null default 0,       -- attempts that do not count: given back unsent, or told to come later
  worker       text,
  leased_until timestamptz,
  first_at     timestamptz,                          -- since when the provider may know its key
  sending      boolean     not null default false,   -- class N: written down before its one send
  doubt        boolean     not null default false,   -- a send may have reached the provider
  through      text,                                 -- the connector it goes out by, where that is not its own
  result       statehouse.effect_result,
  code         text,                                 -- why it is where it is
  tried        jsonb       not null default '[]',    -- the last ten attempts, oldest first
  finished_at  timestamptz,
  epoch        int         not null default statehouse.epoch(),   -- of the database: a restore raises it, and what is owed since an older one is held
  constraint effect_pkey primary key (tenant, record, seq, n),
  constraint effect_state_known check (state in ('due', 'leased', 'done', 'failed', 'unknown', 'held', 'dead')),
  constraint effect_lease_whole check (num_nonnulls(worker, leased_until) = case state when 'leased' then 2 else 0 end),
  constraint effect_end_has_a_time check ((finished_at is not null) = (state in ('done', 'failed'))),
  constraint effect_spared_within check (spared between 0 and attempt),
  constraint effect_through_another check (through <> connector),
  constraint effect_sending_is_of_n check (not sending or class = 'N'),
  -- Neither key nor question: what may have been sent is never due again. A call is, for the verb that says so.
  constraint effect_n_sent_once check (class <> 'N' or not doubt or state <> 'due' or call)
);
create index effect_lane on statehouse.effect (tenant, app, connector, due_at) where state = 'due';
create index effect_leased on statehouse.effect (leased_until) where state = 'leased';
create index effect_listed on statehouse.effect (tenant, app, state, due_at);
comment on table statehouse.effect is 'Work owed to the outside, born of exactly one transition';

create table statehouse.timer (
  tenant  int         not null,
  record  uuid        not null,
  verb    text        not null,
  entity  text        not null,
  seq     int         not null,   -- the version that armed it
  due_at  timestamptz not null,
  since   timestamptz,            -- when it was due first, once it was refused
  attempt int         not null default 0,   -- refusals in a row
  code    text,                   -- of the last of them
  epoch   int         not null default statehouse.epoch(),   -- as an effect's
  constraint timer_pkey primary key (tenant, record, verb),
  constraint timer_refusal_whole check (num_nonnulls(since, code) <> 1)
);
create index timer_due on statehouse.timer (epoch, due_at);
comment on table statehouse.timer is 'A transition owed at a time; gone when the record leaves the state';

create table statehouse.key (
  tenant      int         not null,
  actor       uuid        not null,
  key         statehouse.idempotency_key not null,
  fingerprint bytea       not null,
  asked       jsonb       not null default '{}',   -- the values an edit asked for
  entity      text        not null,
  record      uuid        not null,
  seq         int         not null,   -- the version the move made
  at          timestamptz not null,
  constraint key_pkey primary key (tenant, actor, key)
);
create index key_old on statehouse.key using brin (at);   -- what is purged lies together, so an index of ranges does
comment on table statehouse.key is 'Idempotency keys, written in the move''s own transaction and kept for 30 days';

-- Claims a key within the caller's transaction. A key in flight is waited for, at most 2 seconds; one older than 30 days
-- is free again, purged or not. A caller who waits less for any lock waits less here too.
create function statehouse.claim_key(wanted_tenant int, wanted_actor uuid, wanted_key text, wanted_fingerprint bytea, wanted jsonb,
                                     wanted_entity text, wanted_record uuid, wanted_seq int, patience interval default '2 seconds') returns boolean
  language plpgsql
as $$
declare
  before  text := current_setting('lock_timeout');
  claimed boolean;
begin
  if before::interval = '0' or before::interval > patience then
    perform set_config('lock_timeout', (extract(epoch from patience) * 1000)::int::text, true);
  end if;
  insert into statehouse.key as k (tenant, actor, key, fingerprint, asked, entity, record, seq, at)
  values (wanted_tenant, wanted_actor, wanted_key, wanted_fingerprint, wanted, wanted_entity, wanted_record, wanted_seq, statehouse.now())
  on conflict (tenant, actor, key) do update
     set fingerprint = excluded.fingerprint, asked = excluded.asked, entity = excluded.entity, record = excluded.record,
         seq = excluded.seq, at = excluded.at
   where k.at < statehouse.now() - interval '30 days';
  claimed := found;
  perform set_config('lock_timeout', before, true);
  return claimed;
end $$;
comment on function statehouse.claim_key(int, uuid, text, bytea, jsonb, text, uuid, int, interval) is
  'Whether a key is new to its actor and now written; lock_not_available when the first request with it is still in flight';

-- What became of a key of the caller's own, wherever its record has gone since: an offline client asks before it goes on.
create function statehouse.keyed(wanted_key text, out entity text, out record uuid, out seq int, out verb text, out state text, out fingerprint bytea)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c constant statehouse.context := statehouse.ctx();
begin
  perform statehouse.open_door(c);
  select k.entity, k.record, k.seq, e.verb, e.to_state, k.fingerprint into entity, record, seq, verb, state, fingerprint
    from statehouse.key k
    join statehouse.event e on e.tenant = k.tenant and e.entity = k.entity and e.record = k.record and e.seq = k.seq
   where k.tenant = c.tenant and k.actor = c.actor and k.key = wanted_key
     and k.entity like c.app || '.%' and k.at >= statehouse.now() - interval '30 days';
end $$;
comment on function statehouse.keyed(text) is 'The move that a key of the caller''s own made; nulls for a key that made none';

-- Keys older than 30 days, in bounded bites; no caller needs it for a right answer.
create function statehouse.purge_keys(most int default 10000) returns int
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
    delete from statehouse.key k
     where (k.tenant, k.actor, k.key) in (
       select o.tenant, o.actor, o.key from statehouse.key o
        where o.tenant = here and o.at < statehouse.now() - interval '30 days'
        limit greatest(most - purged, 0));
    get diagnostics gone = row_count;
    purged := purged + gone;
    exit when purged >= most;
  end loop;
  perform set_config('statehouse.tenant', '', true);
  return purged;
end $$;
comment on function statehouse.purge_keys(int) is 'Deletes keys older than 30 days, at most so many; says how many went';

-- An edit of rows that a record owns moves the record by one version: what else moved it is seen here.
create function statehouse.expect_version(stands int, wanted int, entity text, record uuid) returns void
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if stands not in (wanted, wanted + 1) then
    perform statehouse.refuse('SH4012', format('`%s` %s is at another version than %s', entity, record, wanted),
      jsonb_build_object('entity', entity, 'record', record, 'seen', wanted), 'fetch it again and decide on its new state');
  end if;
end $$;
comment on function statehouse.expect_version(int, int, text, uuid) is 'Refuses as stale unless a record stands where the caller saw it, or one edit further';

create table statehouse.lock (
  tenant int    not null,
  record uuid   not null,
  seq    bigint not null default 1,
  constraint lock_pkey primary key (tenant, record)
) with (fillfactor = 50);
comment on table statehouse.lock is 'What set-level guards write before they look: a lock that is only read lets REPEATABLE READ oversell';

create function statehouse.take_lock(wanted_tenant int, wanted_record uuid) returns void
  language sql volatile
begin atomic
  insert into statehouse.lock as l (tenant, record) values (wanted_tenant, wanted_record)
  on conflict (tenant, record) do update set seq = l.seq + 1;
end;
comment on function statehouse.take_lock(int, uuid) is 'Writes the lock of one record; whoever comes second waits, and under REPEATABLE READ is told to retry';

create table statehouse.counter (
  tenant int    not null,
  entity text   not null,
  next   bigint not null default 1,
  constraint counter_pkey primary key (tenant, entity)
) with (fillfactor = 50);
comment on table statehouse.counter is 'The next readable number per tenant and entity';

create table statehouse.refusal (
  tenant int         not null,
  slot   int         not null,   -- a ring of 1000 per tenant
  at     timestamptz not null,
  actor  uuid        not null,
  entity text        not null,
  record uuid,
  verb   text,
  code   text        not null,
  constraint refusal_pkey primary key (tenant, slot),
  constraint refusal_ring check (slot between 0 and 999)
);
comment on table statehouse.refusal is 'The last thousand refused attempts of each tenant, each written in a transaction of its own';

create sequence statehouse.refusal_slot minvalue 0 maxvalue 999 cycle;
comment on sequence statehouse.refusal_slot is 'Turns the ring of refusals';

create function statehouse.note_refusal(entity text, record uuid, verb text, code text) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  here  int := statehouse.open_door(statehouse.ctx());
  ring  int := nextval('statehouse.refusal_slot');
begin
  if code !~ '^SH[0-9]{4}$' or length(entity) > 100 or length(verb) > 100 then return; end if;
  insert into statehouse.refusal as r (tenant, slot, at, actor, entity, record, verb, code)
  values (here, ring, statehouse.now(), current_setting('statehouse.actor')::uuid, entity, record, verb, code)
  on conflict (tenant, slot) do update
    set at = excluded.at, actor = excluded.actor, entity = excluded.entity, record = excluded.record, verb = excluded.verb, code = excluded.code;
end $$;
comment on function statehouse.note_refusal(text, uuid, text, text) is 'Leaves one row about a refused attempt of the caller';

create table statehouse.definition (
  app        text        not null,
  version    int         not null,
  sha256     bytea       not null,
  body       jsonb       not null,
  snapshot   jsonb,
  mapping    jsonb       not null default '{}',   -- where records of retired states went; the law knows it for this version
  applied_at timestamptz not null default statehouse.now(),
  constraint definition_pkey primary key (app, version)
);
comment on table statehouse.definition is 'The compiled definitions: every process runs from here';

create table statehouse.setting (
  name  text not null,
  value text not null,
  constraint setting_pkey primary key (name)
);
insert into statehouse.setting values ('engine_schema', '1'), ('epoch', '1'), ('restored_at', '-infinity');
comment on table statehouse.setting is 'Facts about this database: the engine schema''s version, the restore epoch and since when it is in force';
