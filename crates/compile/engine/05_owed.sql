-- What is owed: effects to the outside, timers, and the keys that make a repeated request harmless.

create domain statehouse.connector_class as text constraint connector_class_known check (value in ('K', 'Q', 'N'));
comment on domain statehouse.connector_class is 'K honours our key, Q can be asked, N neither';

create domain statehouse.frozen_args as jsonb constraint effect_args_bounded check (octet_length(value::text) <= 65536);
comment on domain statehouse.frozen_args is 'Arguments of an effect, at most 64 KiB';

create domain statehouse.idempotency_key as text constraint key_bounded check (length(value) between 1 and 255);
comment on domain statehouse.idempotency_key is 'What a caller names a request by';

create table statehouse.effect (
  tenant       int         not null,
  record       uuid        not null,
  seq          int         not null,
  n            int         not null,   -- position among the transition's effects
  entity       text        not null,
  verb         text        not null,
  connector    text        not null,
  action       text        not null,
  version      int         not null,   -- of the connector: a worker claims only what it knows
  class        statehouse.connector_class not null,
  args         statehouse.frozen_args not null,   -- frozen at the transition
  state        text        not null default 'due',
  due_at       timestamptz not null,
  attempt      int         not null default 0,
  worker       text,
  leased_until timestamptz,
  epoch        int         not null default 1,
  constraint effect_pkey primary key (tenant, record, seq, n),
  constraint effect_state_known check (state in ('due', 'leased', 'done', 'failed', 'unknown', 'held', 'dead')),
  constraint effect_lease_whole check (num_nonnulls(worker, leased_until) = case state when 'leased' then 2 else 0 end)
);
create index effect_due on statehouse.effect (due_at) where state = 'due';
comment on table statehouse.effect is 'Work owed to the outside, born of exactly one transition';

create table statehouse.timer (
  tenant int         not null,
  record uuid        not null,
  verb   text        not null,
  entity text        not null,
  seq    int         not null,   -- the version that armed it
  due_at timestamptz not null,
  constraint timer_pkey primary key (tenant, record, verb)
);
create index timer_due on statehouse.timer (due_at);
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
comment on table statehouse.key is 'Idempotency keys, written in the move''s own transaction and kept for 30 days';

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
  applied_at timestamptz not null default pg_catalog.now(),
  constraint definition_pkey primary key (app, version)
);
comment on table statehouse.definition is 'The compiled definitions: every process runs from here';

create table statehouse.setting (
  name  text not null,
  value text not null,
  constraint setting_pkey primary key (name)
);
insert into statehouse.setting values ('engine_schema', '1'), ('epoch', '1');
comment on table statehouse.setting is 'Facts about this database: the engine schema''s version, the restore epoch';
