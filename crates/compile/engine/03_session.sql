-- Who is asking: a session is looked up by an unguessable token, never believed.

create table statehouse.tenant (
  tenant       int  generated always as identity,
  slug         text not null,
  name         text not null,
  market       text,
  suspended_at timestamptz,
  erased_at    timestamptz,            -- nothing but this row is left of the tenant
  audit_root   text,                   -- the root over the heads of its chains when it was erased
  constraint tenant_pkey primary key (tenant),
  constraint tenant_slug_unique unique (slug),
  constraint tenant_slug_form check (slug ~ '^[a-z][a-z0-9-]{0,39}$'),
  constraint tenant_erased_is_suspended check (erased_at is null or suspended_at is not null)
);
comment on table statehouse.tenant is 'An operator of the system; its buyers and carriers are roles inside it';

create table statehouse.tenant_limit (
  tenant              int    not null,
  members             int    not null default 1000,
  keys                int    not null default 1000,
  requests_per_second int    not null default 200,
  file_bytes          bigint not null default 10737418240,
  uploads_open        int    not null default 100,
  constraint tenant_limit_pkey primary key (tenant),
  constraint tenant_limit_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint tenant_limit_sane check (least(members, keys, requests_per_second, file_bytes, uploads_open) >= 0)
);
comment on table statehouse.tenant_limit is 'How much a tenant may have; every tenant has its row from the start';

create function statehouse.limit_tenant() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  insert into statehouse.tenant_limit (tenant) values (new.tenant);
  return null;
end $$;
comment on function statehouse.limit_tenant() is 'Gives a new tenant the usual limits';
create trigger limits after insert on statehouse.tenant for each row execute function statehouse.limit_tenant();

create function statehouse.erased(wanted_tenant int) returns boolean
  language sql stable
begin atomic
  select exists (select from statehouse.tenant t where t.tenant = wanted_tenant and t.erased_at is not null);
end;
comment on function statehouse.erased(int) is 'Whether nothing of a tenant is to stay; the one case in which its rows may be deleted';

create table statehouse.member (
  member uuid not null default gen_random_uuid(),   -- no version 7: its time would tell one tenant since when another has the person
  name   text not null,
  email  text,
  constraint member_pkey primary key (member),
  constraint member_email_unique unique (email),
  constraint member_email_form check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$')
);
comment on table statehouse.member is 'A person; may belong to many tenants';

create table statehouse.tenant_member (
  tenant int  not null,
  member uuid not null,
  name   text,                         -- what this tenant calls the person; null for the person's own name
  constraint tenant_member_pkey primary key (tenant, member),
  constraint tenant_member_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint tenant_member_member_exists foreign key (member) references statehouse.member
);
comment on table statehouse.tenant_member is 'Who ever belonged to a tenant: what a member field of a record may name';

create table statehouse.membership (
  tenant  int    not null,
  member  uuid   not null,
  app     text   not null,
  role    text   not null,
  extra   text[] not null default '{}',
  revoked text[] not null default '{}',
  constraint membership_pkey primary key (tenant, member, app),
  constraint membership_of_the_tenant foreign key (tenant, member) references statehouse.tenant_member
);
comment on table statehouse.membership is 'One role per person, tenant and app; capabilities are the role''s, plus extra, minus revoked';

create function statehouse.belong() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  insert into statehouse.tenant_member (tenant, member) values (new.tenant, new.member) on conflict do nothing;
  return new;
end $$;
comment on function statehouse.belong() is 'A membership makes its member one of the tenant''s, for good';
create trigger belong before insert on statehouse.membership for each row execute function statehouse.belong();

create table statehouse.role_preset (
  app          text   not null,
  role         text   not null,
  capabilities text[] not null default '{}',
  constraint role_preset_pkey primary key (app, role)
);
comment on table statehouse.role_preset is 'What each role may do, written by apply';

create table statehouse.api_key (
  key_hash   bytea not null,
  id         uuid  not null default gen_random_uuid(),   -- what the key is called by those who may not know it
  tenant     int   not null,
  member     uuid  not null,
  app        text  not null,
  label      text  not null,
  made_by    uuid,                     -- null for a key made by the administrator
  created_at timestamptz not null default pg_catalog.now(),
  used_at    timestamptz,              -- to the hour: written when a session is opened, at most once an hour
  expires    timestamptz,
  revoked_at timestamptz,
  constraint api_key_pkey primary key (key_hash),
  constraint api_key_id_unique unique (id),
  constraint api_key_whole_hash check (octet_length(key_hash) = 32),
  constraint api_key_member_belongs foreign key (tenant, member, app) references statehouse.membership
);
create index api_key_of_a_member on statehouse.api_key (tenant, member, app);
comment on table statehouse.api_key is 'SHA-256 of a 256-bit secret; the secret itself is shown once and kept nowhere';

create table statehouse.session (
  token_hash   bytea  not null,
  id           bigint generated always as identity,
  tenant       int    not null,
  actor        uuid   not null,
  role         text   not null,
  kind         text   not null,
  app          text   not null,
  capabilities text[] not null default '{}',
  reason       text,
  key_hash     bytea,                  -- the API key it was opened with
  sign_in      uuid,                   -- the sign-in of a person it was opened with
  entity       text,                   -- of a link or a form: what it is for
  record       uuid,                   -- the one record a link leads to
  created_at   timestamptz not null default pg_catalog.now(),
  expires      timestamptz not null,
  revoked_at   timestamptz,
  constraint session_pkey primary key (token_hash),
  constraint session_whole_hash check (octet_length(token_hash) = 32),
  constraint session_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint session_kind_known check (kind in ('member', 'link', 'anonymous', 'system', 'worker', 'connector', 'timer', 'import', 'migration', 'agent', 'support')),
  constraint session_link_leads_somewhere check (kind <> 'link' or num_nonnulls(entity, record) = 2),
  constraint session_support_says_why check (kind <> 'support' or reason is not null)
);
create index session_of_an_actor on statehouse.session (tenant, actor) where revoked_at is null;
create index session_expires on statehouse.session (expires);
comment on table statehouse.session is 'The proof of who asks; only the owner can read it, and revoking is one update';

-- A session ends with what it rests on: a changed or ended membership, a suspended tenant.
create function statehouse.end_sessions() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_table_name = 'tenant' then
    update statehouse.session s set revoked_at = pg_catalog.now() where s.tenant = new.tenant and s.revoked_at is null;
  elsif tg_table_name = 'api_key' then
    update statehouse.session s set revoked_at = pg_catalog.now() where s.key_hash = old.key_hash and s.revoked_at is null;
  else
    update statehouse.session s set revoked_at = pg_catalog.now()
     where s.tenant = old.tenant and s.actor = old.member and s.app = old.app and s.revoked_at is null;
    -- Who made a key for a colleague could give no more than they held: it does not grow with the colleague.
    if tg_op = 'UPDATE' and (new.role <> old.role or not statehouse.effective_capabilities(new) <@ statehouse.effective_capabilities(old)) then
      update statehouse.api_key k set revoked_at = pg_catalog.now()
       where k.tenant = old.tenant and k.member = old.member and k.app = old.app and k.made_by <> k.member and k.revoked_at is null;
    end if;
  end if;
  return null;
end $$;
comment on function statehouse.end_sessions() is 'Revokes the sessions that rest on a membership or a tenant';
create trigger end_sessions after update or delete on statehouse.membership for each row execute function statehouse.end_sessions();
create trigger end_sessions after update of suspended_at on statehouse.tenant for each row
  when (new.suspended_at is not null) execute function statehouse.end_sessions();

create trigger end_sessions after update of revoked_at or delete on statehouse.api_key for each row execute function statehouse.end_sessions();

create type statehouse.context as (session bigint, tenant int, actor uuid, role text, kind text, app text, capabilities text[], record uuid);
comment on type statehouse.context is 'What a session proves; `record` is the one a link leads to';

-- Raises rather than returning nothing: an unset context must never look like an empty table.
create function statehouse.ctx() returns statehouse.context
  language plpgsql stable security definer parallel restricted
  set search_path = pg_catalog, pg_temp
as $$
declare
  token text := current_setting('statehouse.session', true);
  c statehouse.context;
begin
  if token is null or token = '' then
    perform statehouse.refuse('SH2001', 'no session', '{}', 'sign in: select statehouse.enter(''your API key'')');
  end if;
  select s.id, s.tenant, s.actor, s.role, s.kind, s.app, s.capabilities, s.record into c
    from statehouse.session s
   where s.token_hash = sha256(convert_to(token, 'UTF8'))
     and s.expires > clock_timestamp() and s.revoked_at is null;   -- an open transaction does not stop this clock
  if not found then
    perform statehouse.refuse('SH2002', 'unknown or expired session', '{}', 'sign in again: select statehouse.enter(''your API key'')');
  end if;
  return c;
end $$;
comment on function statehouse.ctx() is 'The verified context of the caller; raises SH2001 or SH2002';

create function statehouse.actor() returns uuid
  language plpgsql stable parallel restricted
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (statehouse.ctx()).actor;
end $$;
comment on function statehouse.actor() is 'Who asks';

-- Null for a session of another role, so that its rows are none: the first half of every row rule. One look-up of its
-- own rather than a call of ctx(), because every statement on every view pays for it.
create function statehouse.tenant_as(app text, role text) returns int
  language plpgsql stable security definer parallel restricted
  set search_path = pg_catalog, pg_temp
as $$
declare
  mine int;
begin
  select s.tenant into mine
    from statehouse.session s
   where s.token_hash = sha256(convert_to(current_setting('statehouse.session', true), 'UTF8'))
     and s.app = tenant_as.app and s.role = tenant_as.role
     and s.expires > clock_timestamp() and s.revoked_at is null;
  if not found then perform statehouse.ctx(); end if;   -- raises where there is no session at all
  return mine;
end $$;
comment on function statehouse.tenant_as(text, text) is 'The caller''s tenant if the session is of this app and role, else null';

create type statehouse.identity as (tenant int, actor uuid, record uuid);
comment on type statehouse.identity is 'Who asks, for a row rule, and the record a link leads to: all from one look-up';

-- One look-up for both halves of a row rule: two would let a statement that switches sessions between them be a third person.
create function statehouse.me_as(app text, role text, capability text default null) returns statehouse.identity
  language plpgsql stable security definer parallel restricted
  set search_path = pg_catalog, pg_temp
as $$
declare
  me statehouse.identity;
begin
  select s.tenant, s.actor, s.record into me
    from statehouse.session s
   where s.token_hash = sha256(convert_to(current_setting('statehouse.session', true), 'UTF8'))
     and s.app = me_as.app and s.role = me_as.role
     and (me_as.capability is null or me_as.capability = any (s.capabilities))
     and s.expires > clock_timestamp() and s.revoked_at is null;
  if not found then perform statehouse.ctx(); end if;   -- raises where there is no session at all
  return me;
end $$;
comment on function statehouse.me_as(text, text, text) is 'The caller''s tenant, actor and linked record if the session is of this app and role (and holds the capability, where given), else null';

create function statehouse.tenant_as_holder(app text, role text, capability text) returns int
  language plpgsql stable parallel restricted
  set search_path = pg_catalog, pg_temp
as $$
declare
  c statehouse.context := statehouse.ctx();
begin
  return case when c.app = tenant_as_holder.app and c.role = tenant_as_holder.role
               and tenant_as_holder.capability = any (c.capabilities) then c.tenant end;
end $$;
comment on function statehouse.tenant_as_holder(text, text, text) is 'The caller''s tenant if the session is of this app and role and holds the capability, else null';

-- A door writes the verified context where the law and the owner's policies read it. No client statement runs as the
-- owner, so nobody can speak between a door and the law it opens. A view carries the context that saw each row in its
-- last column, `seen_by`; the door acts as exactly that session, whatever the setting says by then.
create function statehouse.open_door(c statehouse.context) returns int
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if c.tenant is null or c.actor is null then
    perform statehouse.refuse('SH2001', 'no session', '{}', 'sign in: select statehouse.enter(''your API key'')');
  end if;
  -- The law's time is the transaction's; a transaction kept open would be a clock held back.
  if c.kind in ('member', 'link', 'anonymous', 'agent', 'support') and clock_timestamp() > pg_catalog.now() + interval '1 minute' then
    perform statehouse.refuse('SH5002', 'this transaction is older than a minute', '{}', 'begin a new transaction and decide again');
  end if;
  -- What is acknowledged is there after a crash, whatever the login's settings say.
  if current_setting('synchronous_commit') = 'off' then perform set_config('synchronous_commit', 'on', true); end if;
  perform set_config('statehouse.tenant', c.tenant::text, true),
          set_config('statehouse.actor', c.actor::text, true),
          set_config('statehouse.role', c.role, true),
          set_config('statehouse.kind', c.kind, true),
          set_config('statehouse.capabilities', c.capabilities::text, true),
          set_config('statehouse.cause', '', true), set_config('statehouse.depth', '0', true),
          -- words the engine says to itself within a move; whatever a client wrote there is gone
          set_config('statehouse.pricing', '', true), set_config('statehouse.touch', '', true);
  return c.tenant;
end $$;
comment on function statehouse.open_door(statehouse.context) is 'Writes a verified context for the law and returns its tenant; callable by the owner only';

-- The door for people with nothing but an API key: psql, a report, a script.
create function statehouse.enter(api_key text) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  found_key statehouse.api_key;
  held      statehouse.membership;
  token     text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
begin
  select k.* into found_key
    from statehouse.api_key k
    join statehouse.tenant t on t.tenant = k.tenant and t.suspended_at is null
   where k.key_hash = sha256(convert_to(api_key, 'UTF8'))
     and k.revoked_at is null and (k.expires is null or k.expires > clock_timestamp())
     for share;   -- who suspends the tenant or revokes the key now waits for this session, and ends it
  if not found then
    perform statehouse.refuse('SH2003', 'the key is not accepted', '{}', 'check that it is whole, not revoked and not expired');
  end if;
  select m.* into strict held from statehouse.membership m
   where m.tenant = found_key.tenant and m.member = found_key.member and m.app = found_key.app
     for share;
  -- Coarse, so that a busy key is not a row that everybody writes; who enters at the same moment notes it for both.
  update statehouse.api_key k set used_at = pg_catalog.now()
   where k.key_hash = (select f.key_hash from statehouse.api_key f
                        where f.key_hash = found_key.key_hash and (f.used_at is null or f.used_at < pg_catalog.now() - interval '1 hour')
                          for no key update skip locked);
  insert into statehouse.session (token_hash, key_hash, tenant, actor, role, kind, app, capabilities, expires)
  values (sha256(convert_to(token, 'UTF8')), found_key.key_hash, held.tenant, held.member, held.role, 'member', held.app,
          statehouse.effective_capabilities(held), least(pg_catalog.now() + interval '12 hours', found_key.expires));
  perform set_config('statehouse.session', token, false);
  return token;
end $$;
comment on function statehouse.enter(text) is 'Exchanges an API key for a session of 12 hours, sets it for this connection and returns its token';

create function statehouse.effective_capabilities(held statehouse.membership) returns text[]
  language sql stable
  return array(
    select c from (
      select unnest(p.capabilities) from statehouse.role_preset p where p.app = (held).app and p.role = (held).role
      union
      select unnest((held).extra)
    ) as granted (c)
    where c <> all ((held).revoked)
    order by c);
comment on function statehouse.effective_capabilities(statehouse.membership) is 'The role''s capabilities, plus extra, minus revoked; revoked wins';

create function statehouse.leave() returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.session s set revoked_at = pg_catalog.now()
   where s.token_hash = sha256(convert_to(current_setting('statehouse.session', true), 'UTF8'));
  perform set_config('statehouse.session', '', false);
end $$;
comment on function statehouse.leave() is 'Ends the caller''s session';
