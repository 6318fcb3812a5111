-- A clock set by hand, for tests and scenarios. A production database has neither the table nor this function.
create table statehouse.clock (
  only_row boolean not null default true,
  now      timestamptz not null,
  constraint clock_pkey primary key (only_row),
  constraint clock_single check (only_row)
);
comment on table statehouse.clock is 'The hand-held clock of a test database';
insert into statehouse.clock (now) values (pg_catalog.now());
alter table statehouse.clock enable row level security;
alter table statehouse.clock force row level security;
create policy owner_functions on statehouse.clock to statehouse_owner using (true);

create or replace function statehouse.now() returns timestamptz
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (select c.now from statehouse.clock c);
end $$;
comment on function statehouse.now() is 'The time as the law sees it: the start of the transaction, or the hand-held clock of a test database';
