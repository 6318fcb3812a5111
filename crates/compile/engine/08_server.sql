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
