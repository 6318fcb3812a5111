-- A small world with one of everything. ROLE_ is replaced by names of this run's own, since roles belong to the cluster.
create schema engine authorization ROLE_owner;
create schema app authorization ROLE_owner;
create schema app_rep authorization ROLE_eye;
set role ROLE_owner;
create type app.mood as enum ('calm', 'urgent');
create domain app.percent as numeric constraint percent_known check (value between 0 and 100);
create sequence engine.feed cache 10;
create function engine.new_id() returns uuid language sql volatile as 'select gen_random_uuid()';
create function engine.today(zone text) returns date language sql stable as 'select current_date';
create table app.client (tenant int not null, id uuid not null default engine.new_id(), name text, phone text, constraint client_pkey primary key (tenant, id));
create table app."order" (
  tenant int not null,
  id uuid not null default engine.new_id(),
  number bigint generated always as identity,
  client uuid,
  priority text default 'normal'::text,
  code varchar(10),
  net bigint not null default 0,
  discount app.percent,
  feed bigint not null default nextval('engine.feed'),
  state text not null default 'draft',
  version int not null default 1,
  weight numeric(8,2),
  search text generated always as (lower(code)) stored,
  constraint order_pkey primary key (tenant, id),
  constraint order_number_key unique (tenant, number) deferrable initially deferred,
  constraint order_state_known check (state in ('draft', 'sourcing', 'production', 'done')),
  constraint order_net_positive check (net >= 0),
  constraint order_client_fkey foreign key (tenant, client) references app.client (tenant, id)
);
create table app.line (
  tenant int not null, id uuid not null default engine.new_id(), "order" uuid not null, position int not null,
  constraint line_pkey primary key (tenant, id),
  constraint line_order_fkey foreign key (tenant, "order") references app."order" (tenant, id)
);
create table engine.event (tenant int not null, record uuid not null, seq int not null, at timestamptz not null, verb text,
  constraint event_pkey primary key (tenant, record, seq, at)) partition by range (at);
alter table engine.event enable row level security;
alter table engine.event force row level security;
create function engine.valid(code text) returns boolean language sql immutable as 'select code <> ''bad''';
alter table app."order" add constraint order_code_valid check (engine.valid(code));
create function app.order_fresh(o app."order") returns boolean language sql stable as 'select true';
create function engine.actor() returns uuid language sql stable as 'select null::uuid';
create function engine.tenant_as(role text) returns int language plpgsql stable security definer set search_path = '' as $f$ begin return 1; end $f$;
create function app.order_verdict() returns trigger language plpgsql as $f$ begin new.version := new.version; return new; end $f$;
create function app.order_consequences() returns trigger language plpgsql as $f$ begin return null; end $f$;
create function engine.no_delete() returns trigger language plpgsql as $f$ begin raise exception 'records are never deleted'; end $f$;
create function app.order_through_view() returns trigger language plpgsql security definer set search_path = '' as $f$ begin return new; end $f$;
revoke execute on function app.order_through_view() from public;
create index order_client_idx on app."order" (tenant, client);
create index order_due_idx on app."order" (tenant, lower(code)) where state = 'draft';
create index event_verb_idx on engine.event (tenant, verb);
create trigger order_verdict before insert or update on app."order" for each row execute function app.order_verdict();
create trigger order_consequences after update on app."order" referencing old table as was new table as now for each statement execute function app.order_consequences();
create trigger event_no_delete before delete on engine.event for each row execute function engine.no_delete();
create constraint trigger line_whole after insert on app.line deferrable initially deferred for each row execute function app.order_consequences();
alter table app."order" enable row level security;
alter table app."order" force row level security;
alter table app.line enable row level security;
alter table app.line force row level security;
alter table app.client enable row level security;
alter table app.client force row level security;
create policy order_see_rep on app."order" for select to ROLE_eye using (tenant = (select engine.tenant_as('rep')) and client = (select engine.actor()));
create policy order_move_rep on app."order" for update to ROLE_eye using (tenant = (select engine.tenant_as('rep'))) with check (tenant = (select engine.tenant_as('rep')));
create policy line_see_rep on app.line for select to ROLE_eye using (tenant = (select engine.tenant_as('rep')));
create policy order_owner on app."order" to ROLE_owner using (true) with check (true);
create policy client_owner on app.client to ROLE_owner using (true) with check (true);
create policy event_owner on engine.event to ROLE_owner using (true);
grant usage on schema app, engine to ROLE_eye;
grant select, update (state, net) on app."order" to ROLE_eye;
grant select on app.line to ROLE_eye;
comment on table app."order" is 'An order: it''s the record';
comment on column app."order".net is 'Minor units';
comment on constraint order_state_known on app."order" is 'the thirteen';
comment on trigger order_verdict on app."order" is 'the law';
comment on policy order_see_rep on app."order" is 'their own';
comment on function engine.actor() is 'who asks';
comment on index app.order_client_idx is 'used by the board';
reset role;
set role ROLE_eye;
create view app_rep."order" with (security_barrier = true) as
  select id, client, net, state, version, null::text as fire from app."order" where tenant = (select engine.tenant_as('rep')) with local check option;
create view app_rep.line with (security_barrier = true) as select l.id, l."order", l.position, o.state from app.line l join app_rep."order" o on o.id = l."order";
comment on view app_rep."order" is 'Orders as a rep sees them';
comment on column app_rep."order".net is 'Minor units';
reset role;
grant execute on function app.order_through_view() to ROLE_eye;
create trigger through instead of update on app_rep."order" for each row execute function app.order_through_view();
set role ROLE_eye;
grant usage on schema app_rep to ROLE_api;
grant select, update (net, fire) on app_rep."order" to ROLE_api;
grant select on app_rep.line to ROLE_api;
reset role;
alter default privileges for role ROLE_owner revoke execute on functions from public;
