-- The least that a move with an event and an outbox can be: no tenant rule, no law, no chain, one call.
create schema limit1;
create table limit1.entity (
  tenant int, id int, state text, version int not null, data jsonb, primary key (tenant, id)
) with (fillfactor = 80);
create table limit1.event (
  tenant int, entity int, seq int, at timestamptz, verb text, payload jsonb, primary key (tenant, entity, seq)
);
create table limit1.effect (
  tenant int, id bigint generated always as identity, entity int, connector text, args jsonb,
  state text default 'due', due_at timestamptz, primary key (tenant, id)
);
create index on limit1.effect (due_at) where state = 'due';
create function limit1.move(t int, e int, payload jsonb, args jsonb) returns int language plpgsql as $$
declare
  v int;
begin
  select version into v from limit1.entity where tenant = t and id = e for update;
  update limit1.entity set state = 'b', version = v + 1 where tenant = t and id = e and version = v;
  insert into limit1.event values (t, e, v + 1, now(), 'move', payload);
  insert into limit1.effect (tenant, entity, connector, args, due_at) values (t, e, 'sms', args, now());
  return v + 1;
end $$;
grant usage on schema limit1 to statehouse_api;
grant all on all tables in schema limit1 to statehouse_api;
grant execute on function limit1.move(int, int, jsonb, jsonb) to statehouse_api;
