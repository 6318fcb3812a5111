-- What the server alone may ask. `statehouse_server` is its own login role: clients are never given its password, so no
-- psql can read a definition or open a session for a person whom the server has not verified.

create function statehouse.running_version(app text) returns int
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (select max(d.version) from statehouse.definition d where d.app = running_version.app);
end $$;
comment on function statehouse.running_version(text) is 'The version of the app in force, or null; for the server, which asks each second';

create function statehouse.running_definition(app text) returns table (version int, text text)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select d.version, d.body ->> 'text'
      from statehouse.definition d
     where d.app = running_definition.app
     order by d.version desc
     limit 1;
end $$;
comment on function statehouse.running_definition(text) is 'The definition in force and its version; for the server, which runs from it';

-- What is owed goes out as it was written: an effect of version 1 of a connector by the last definition that had version 1.
create function statehouse.known_connectors(app text) returns table (connector text, version int, text text)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select distinct on (c.key, c.value ->> 'version') c.key, (c.value ->> 'version')::int, c.value::text   -- json, so that every list keeps its order
      from statehouse.definition d
     cross join json_each((d.body ->> 'text')::json -> 'connectors') c
     where d.app = known_connectors.app
     order by c.key, c.value ->> 'version', d.version desc;
end $$;
comment on function statehouse.known_connectors(text) is 'Every version of each connector that the app ever had, as it was last; for the worker, which sends what is owed under it';

create function statehouse.schedules_since(app text) returns table (schedule text, since timestamptz)
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    with times as (
      select d.version, s.key as name,
             jsonb_build_array(s.value - '{label,catch_up}'::text[], coalesce(s.value ->> 'zone', d.body #>> '{app,time_zone}'),
                               d.body #> array['app', 'calendars', s.value ->> 'calendar']) as said
        from statehouse.definition d
       cross join jsonb_each(d.body #> '{app,schedules}') s
       where d.app = schedules_since.app)
    select i.name, (select d.applied_at from statehouse.definition d where d.app = schedules_since.app and d.version > l.version order by d.version limit 1)
      from times i
     cross join lateral (
       select max(d.version) as version from statehouse.definition d
        where d.app = schedules_since.app
          and not exists (select from times t where t.version = d.version and t.name = i.name and t.said = i.said)) l
     where i.version = (select max(d.version) from statehouse.definition d where d.app = schedules_since.app) and l.version is not null;
end $$;
comment on function statehouse.schedules_since(text) is
  'Since when a schedule has had the times it has: when it was changed or put in after the first apply. No time before that is owed';

create function statehouse.running_apps() returns setof text
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query select distinct d.app from statehouse.definition d order by 1;
end $$;
comment on function statehouse.running_apps() is 'The apps applied in this database; for the server, which is started without a name where there is only one';

-- The door for people whom the server has verified by a token of an issuer it trusts or by a cookie of its own.
-- The same session as an API key opens; it says by what it was opened.
create function statehouse.open_session(email text, slug text, wanted_app text, lasts interval)
  returns table (token text, tenant int, actor uuid, role text, kind text, app text)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  held   statehouse.membership;
  secret text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
begin
  select m.* into held
    from statehouse.membership m
    join statehouse.member p on p.member = m.member
    join statehouse.tenant t on t.tenant = m.tenant and t.suspended_at is null
   where lower(p.email) = lower(btrim(open_session.email)) and t.slug = open_session.slug and m.app = open_session.wanted_app
     for share;   -- who ends the membership or suspends the tenant now waits for this session, and ends it
  if not found then
    perform statehouse.refuse('SH2004', 'this person is no member here', '{}', 'ask an administrator of the tenant to add them');
  end if;
  insert into statehouse.session (token_hash, tenant, actor, role, kind, app, capabilities, expires)
  values (sha256(convert_to(secret, 'UTF8')), held.tenant, held.member, held.role, 'member', held.app,
          statehouse.effective_capabilities(held), pg_catalog.now() + least(lasts, interval '12 hours'));
  return query select secret, held.tenant, held.member, held.role, 'member'::text, held.app;
end $$;
comment on function statehouse.open_session(text, text, text, interval) is
  'A session of a member whom the server has verified, of at most 12 hours; callable by the server only';

grant execute on function statehouse.running_version(text), statehouse.running_definition(text), statehouse.running_apps(),
  statehouse.open_session(text, text, text, interval) to statehouse_server;
