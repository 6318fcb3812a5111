-- The owner and the doors people come through. Roles belong to the cluster, so each is made only where it is missing.
-- The owner owns every table and is bound by forced row-level security like anyone; it never logs in.
do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('statehouse_owner',  'nologin', 'Owns everything Statehouse makes; bound by forced row-level security'),
      ('statehouse_api',    'login',   'What any client uses: psql, an ORM, the server'),
      ('statehouse_agent',  'login',   'A model: sees what its session sees and may only propose'),
      ('statehouse_worker', 'login',   'Timers, connectors and the engine itself'),
      ('statehouse_read',   'login',   'Reports: the same views, read only'),
      ('statehouse_server', 'login',   'The server itself: reads the definition in force, opens sessions for people it has verified'),
      ('statehouse_backup', 'nologin', 'The one exception to row-level security; read only, enabled when needed')
    ) as r (name, login, why)
  loop
    begin
      execute format('create role %I %s nosuperuser nocreatedb nocreaterole noinherit nobypassrls', wanted.name, wanted.login);
      execute format('comment on role %I is %L', wanted.name, wanted.why);
    exception when duplicate_object or unique_violation then
      null;   -- another database of this cluster made it first
    end;
  end loop;
  -- A backup must see every row; pg_dump refuses to run under row-level security.
  if not (select r.rolbypassrls from pg_roles r where r.rolname = 'statehouse_backup') then
    alter role statehouse_backup bypassrls;
  end if;
  -- Nobody who logs in may leave temporary tables or objects in public.
  execute format('revoke all on database %I from public', current_database());
  -- From the maintenance databases a login could watch and end the connections of others.
  begin
    if exists (select from pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
                where d.datname in ('postgres', 'template1') and a.grantee = 0) then
      revoke connect, temporary on database postgres, template1 from public;
    end if;
  exception
    when insufficient_privilege or invalid_catalog_name then
      raise notice 'ask the server''s administrator to revoke connect on postgres and template1 from public';
    when internal_error then
      null;   -- tuple concurrently updated: another database of this cluster does the same at this moment
  end;
  execute format('grant connect on database %I to statehouse_api, statehouse_agent, statehouse_worker, statehouse_read, statehouse_server, statehouse_backup',
                 current_database());
end $$;

revoke all on schema public from public;

-- People share login roles, so what Postgres lets a role do to itself reaches across people and tenants: statements of
-- others (with their keys), other connections, and large objects, which know no tenant.
revoke execute on function pg_stat_get_activity(int), pg_stat_get_backend_activity(int), pg_cancel_backend(int), pg_terminate_backend(int, bigint),
  lo_create(oid), lo_creat(int), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea), lowrite(int, bytea) from public;
grant execute on function pg_stat_get_activity(int), pg_stat_get_backend_activity(int) to pg_monitor;

create schema statehouse authorization statehouse_owner;
comment on schema statehouse is 'The engine: who asks, what happened, what is owed';
grant usage on schema statehouse to statehouse_api, statehouse_agent, statehouse_worker, statehouse_read, statehouse_server, statehouse_backup;
