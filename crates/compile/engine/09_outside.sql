-- People without an account. A link opens one record to whoever holds it, for what one purpose is for; a form takes one
-- record from anybody. What each is for is compiled from the definition: `<app>.link_terms` and `<app>.form_terms`.

create type statehouse.link_terms as (entity text, role text, roles text[], capabilities text[], lasts interval, uses int);
comment on type statehouse.link_terms is 'What the definition says of one purpose: where it leads, its holder''s role, who makes it, how long and how often it holds';

create type statehouse.form_terms as (entity text, role text, address_most int, address_per text, tenant_most int, tenant_per text);
comment on type statehouse.form_terms is 'What the definition says of one form: what it makes, as which role, how often by one address and by all together';

-- ── links ────────────────────────────────────────────────────────────────────
create table statehouse.link (
  link       uuid            not null default gen_random_uuid(),   -- who acts when it is used
  token_hash statehouse.hash not null,
  tenant     int             not null,
  app        text            not null,
  purpose    text            not null,
  role       text            not null,
  entity     text            not null,
  record     uuid            not null,
  made_by    uuid            not null,
  created_at timestamptz     not null default statehouse.now(),
  expires    timestamptz     not null,
  uses       int,                        -- how many moves it is good for; null leaves that to the verbs
  used       int             not null default 0,
  revoked_at timestamptz,
  constraint link_pkey primary key (link),
  constraint link_token_unique unique (token_hash),
  constraint link_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint link_maker_belongs foreign key (tenant, made_by) references statehouse.tenant_member,
  constraint link_ends check (expires > created_at),
  constraint link_uses_some check (uses > 0),
  constraint link_used_within check (used between 0 and coalesce(uses, used))
);
create index link_of_a_record on statehouse.link (tenant, record) where revoked_at is null;
create index link_of_a_maker on statehouse.link (tenant, made_by) where revoked_at is null;
comment on table statehouse.link is 'A key to one record for one purpose, for whoever holds its token; the token is shown once and kept nowhere';

-- A revoked link ends what was opened with it.
create function statehouse.end_link() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.session s set revoked_at = pg_catalog.now()
   where s.tenant = new.tenant and s.actor = new.link and s.kind = 'link' and s.revoked_at is null;
  return null;
end $$;
comment on function statehouse.end_link() is 'Revokes the sessions of a revoked link';
create trigger end_link after update of revoked_at on statehouse.link for each row
  when (new.revoked_at is not null) execute function statehouse.end_link();

-- Whoever is dismissed leaves no door open behind them.
create function statehouse.end_links() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.link l set revoked_at = pg_catalog.now()
   where l.tenant = old.tenant and l.made_by = old.member and l.app = old.app and l.revoked_at is null;
  return null;
end $$;
comment on function statehouse.end_links() is 'Revokes the links of a member who is dismissed';
create trigger end_links after delete on statehouse.membership for each row execute function statehouse.end_links();

-- Null for a purpose the definition does not have (any more).
create function statehouse.link_terms(app text, purpose text) returns statehouse.link_terms
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  terms statehouse.link_terms;
begin
  if exists (select from statehouse.definition d where d.app = link_terms.app)
     and to_regprocedure(format('%I.link_terms(text)', app)) is not null then
    execute format('select (t).* from %I.link_terms($1) t', app) into terms using purpose;
  end if;
  return terms;
end $$;
comment on function statehouse.link_terms(text, text) is 'What the definition in force says of a purpose; null where it does not know it';

-- Row-level security is judged as the eye of the caller's role, by the same function the doors ask.
create function statehouse.sees(c statehouse.context, entity text, record uuid) returns boolean
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  eye  constant text := format('%I.%I', c.app || '_' || c.role, entity || '_seen');
  seen boolean := false;
begin
  if to_regprocedure(eye || '(uuid)') is not null then
    execute format('select %s($1)', eye) into seen using record;
  end if;
  return coalesce(seen, false);
end $$;
comment on function statehouse.sees(statehouse.context, text, uuid) is 'Whether the caller''s own view shows a record';

create function statehouse.may_link(c statehouse.context, terms statehouse.link_terms) returns boolean
  language sql immutable
  return (c).kind = 'member' and ((c).role = any ((terms).roles) or (c).capabilities && (terms).capabilities);
comment on function statehouse.may_link(statehouse.context, statehouse.link_terms) is 'Whether a member may make and end links of a purpose';

create function statehouse.link_make(wanted_purpose text, wanted_record uuid, wanted_uses int default null, wanted_lasts interval default null,
                                     out link uuid, out token text, out expires timestamptz)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c     constant statehouse.context := statehouse.ctx();
  terms constant statehouse.link_terms := statehouse.link_terms(c.app, wanted_purpose);
begin
  if (terms).entity is null then
    perform statehouse.refuse('SH6302', format('there is no link `%s`', wanted_purpose), '{}', 'name one of the links of the app');
  end if;
  if not statehouse.may_link(c, terms) then
    perform statehouse.refuse('SH6303', format('`%s` is not yours to make', wanted_purpose), jsonb_build_object('role', c.role), 'ask somebody whose role may');
  end if;
  if not statehouse.sees(c, terms.entity, wanted_record) then
    perform statehouse.refuse('SH1002', format('no such %s', terms.entity), jsonb_build_object('entity', c.app || '.' || terms.entity), 'name a record you can see');
  end if;
  if wanted_uses < 1 or wanted_lasts <= '0' then
    perform statehouse.refuse('SH6302', 'a link is good for a while and for at least one move', '{}', 'leave them out for what the app says');
  end if;
  perform from statehouse.link l where l.tenant = c.tenant and l.record = wanted_record and l.revoked_at is null and l.expires > statehouse.now()
    offset 99 limit 1;
  if found then
    perform statehouse.refuse('SH6306', 'a hundred links to this record are alive', '{}', 'revoke those that are not needed any more');
  end if;
  token := 'lk_' || encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
  insert into statehouse.link as l (token_hash, tenant, app, purpose, role, entity, record, made_by, expires, uses)
  values (sha256(convert_to(token, 'UTF8')), c.tenant, c.app, wanted_purpose, terms.role, terms.entity, wanted_record, c.actor,
          statehouse.now() + least(wanted_lasts, terms.lasts), least(wanted_uses, terms.uses))
  returning l.link, l.expires into link_make.link, link_make.expires;
end $$;
comment on function statehouse.link_make(text, uuid, int, interval) is 'Makes a link to a record the caller sees and returns its token, this once; shorter and scarcer than the app says, never more';

-- One and the same refusal for a link that is not known, has run out, was revoked or used up, or is for nothing any more.
create function statehouse.link_enter(wanted_token text) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  opened statehouse.link;
  terms  statehouse.link_terms;
  token  text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
begin
  select l.* into opened
    from statehouse.link l
    join statehouse.tenant t on t.tenant = l.tenant and t.suspended_at is null
   where l.token_hash = sha256(convert_to(wanted_token, 'UTF8'))
     and l.revoked_at is null and l.expires > statehouse.now() and (l.uses is null or l.used < l.uses)
     for share;   -- who revokes it or suspends the tenant now waits for this session, and ends it
  terms := statehouse.link_terms(opened.app, opened.purpose);
  if opened.link is null or (terms.entity, terms.role) is distinct from (opened.entity, opened.role)
     or clock_timestamp() > pg_catalog.now() + interval '1 minute' then   -- a transaction kept open holds no clock back
    perform statehouse.refuse('SH6301', 'the link is not accepted', '{}', 'ask whoever sent it for a new one');
  end if;
  delete from statehouse.session s
   where s.tenant = opened.tenant and s.actor = opened.link and s.kind = 'link' and s.revoked_at is null and s.expires < clock_timestamp();
  insert into statehouse.session (token_hash, tenant, actor, role, kind, app, capabilities, entity, record, expires)
  values (sha256(convert_to(token, 'UTF8')), opened.tenant, opened.link, opened.role, 'link', opened.app, array['link.' || opened.purpose],
          opened.entity, opened.record, clock_timestamp() + least('15 minutes', opened.expires - statehouse.now()));
  perform set_config('statehouse.session', token, false);
  return token;
end $$;
comment on function statehouse.link_enter(text) is 'Opens a session of at most 15 minutes on the one record a link leads to, sets it for this connection and returns its token';

-- What members may know and end: links of purposes they may make, to records they see.
create function statehouse.link_find(wanted uuid, out link uuid, out purpose text, out entity text, out record uuid, out made_by uuid,
                                     out created_at timestamptz, out expires timestamptz, out uses int, out used int, out revoked_at timestamptz)
  returns setof record
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.ctx();
begin
  return query
    select l.link, l.purpose, l.entity, l.record, l.made_by, l.created_at, l.expires, l.uses, l.used, l.revoked_at
      from statehouse.link l
     where l.link = wanted and l.tenant = c.tenant and l.app = c.app
       and statehouse.may_link(c, statehouse.link_terms(l.app, l.purpose)) and statehouse.sees(c, l.entity, l.record);
end $$;
comment on function statehouse.link_find(uuid) is 'A link as those see it who may make its like; no row where there is none';

create function statehouse.link_revoke(wanted uuid) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from statehouse.link_find(wanted)) then return false; end if;
  update statehouse.link l set revoked_at = coalesce(l.revoked_at, pg_catalog.now()) where l.link = wanted;
  return true;
end $$;
comment on function statehouse.link_revoke(uuid) is 'Ends a link and what was opened with it; false where the caller knows no such link';

-- ── forms ────────────────────────────────────────────────────────────────────
create table statehouse.form_count (
  tenant int         not null,
  app    text        not null,
  form   text        not null,
  who    bytea       not null,   -- a keyed hash of an address and the day, or nothing for all together
  since  timestamptz not null,   -- the minute, hour or day that is counted
  n      int         not null default 1,
  constraint form_count_pkey primary key (tenant, app, form, who, since),
  constraint form_count_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint form_count_who_hashed check (octet_length(who) in (0, 32)),
  constraint form_count_counts check (n > 0)
);
comment on table statehouse.form_count is 'How often a form was sent; an address is a hash that changes with the day, and there are never more rows than the cap of a tenant';

create table statehouse.form_key (
  only_row boolean not null default true,
  secret   bytea   not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()),
  constraint form_key_pkey primary key (only_row),
  constraint form_key_single check (only_row)
);
comment on table statehouse.form_key is 'The key under which addresses are hashed; it leaves the database with nobody';
insert into statehouse.form_key default values;

create function statehouse.form_terms(app text, form text) returns statehouse.form_terms
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  terms statehouse.form_terms;
begin
  if exists (select from statehouse.definition d where d.app = form_terms.app)
     and to_regprocedure(format('%I.form_terms(text)', app)) is not null then
    execute format('select (t).* from %I.form_terms($1) t', app) into terms using form;
  end if;
  return terms;
end $$;
comment on function statehouse.form_terms(text, text) is 'What the definition in force says of a form; null where it does not know it';

-- Counts one more, or says that there have been enough.
create function statehouse.count_form(of_tenant int, of_app text, of_form text, by_whom bytea, per text, most int) returns int
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  counted int;
begin
  insert into statehouse.form_count as f (tenant, app, form, who, since)
  values (of_tenant, of_app, of_form, by_whom, date_trunc(per, statehouse.now()))
  on conflict (tenant, app, form, who, since) do update set n = f.n + 1 where f.n < most
  returning f.n into counted;
  if counted is null then
    perform statehouse.refuse('SH6305', 'the form was sent too often', jsonb_build_object('form', of_form,
      'retry_after', ceil(extract(epoch from date_trunc(per, statehouse.now()) + ('1 ' || per)::interval - statehouse.now()))), 'try again later');
  end if;
  return counted;
end $$;
comment on function statehouse.count_form(int, text, text, bytea, text, int) is 'Counts a form sent within its minute, hour or day; refuses beyond the most';

-- A session that may do one thing: make one record, within a minute. Its actor is nobody, or with a key whoever sends the
-- same key again, so that a form sent twice under one key makes one record.
create function statehouse.form_enter(wanted_app text, wanted_form text, wanted_tenant text, address text, key text default null) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set timezone to 'UTC'
as $$
declare
  terms constant statehouse.form_terms := statehouse.form_terms(wanted_app, wanted_form);
  token text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
  secret bytea;
  here  int;
  who   bytea;
  actor uuid := gen_random_uuid();
begin
  select t.tenant into here from statehouse.tenant t
   where t.slug = wanted_tenant and t.suspended_at is null
     and exists (select from statehouse.membership m where m.tenant = t.tenant and m.app = wanted_app)
     for share;   -- who suspends the tenant now waits for this session, and ends it
  if here is null or (terms).entity is null then
    perform statehouse.refuse('SH6304', 'there is no such form', '{}', 'check the address of the form');
  end if;
  select k.secret into strict secret from statehouse.form_key k;
  who := sha256(secret || sha256(secret || convert_to(floor(extract(epoch from statehouse.now()) / 86400)::text || ' ' || coalesce(address, ''), 'UTF8')));
  -- The address first: one that sends too often does not use up what is there for all.
  perform statehouse.count_form(here, wanted_app, wanted_form, who, terms.address_per, terms.address_most);
  if statehouse.count_form(here, wanted_app, wanted_form, '', terms.tenant_per, terms.tenant_most) = 1 then
    delete from statehouse.form_count f
     where f.tenant = here and f.app = wanted_app and f.form = wanted_form and f.since < statehouse.now() - interval '2 days';
    delete from statehouse.session s where s.kind = 'anonymous' and s.tenant = here and s.expires < clock_timestamp() - interval '1 hour';
  end if;
  if key is not null then
    actor := encode(substring(sha256(secret || convert_to(concat_ws(' ', here, wanted_app, wanted_form, key), 'UTF8')) for 16), 'hex')::uuid;
  end if;
  insert into statehouse.session (token_hash, tenant, actor, role, kind, app, capabilities, entity, expires)
  values (sha256(convert_to(token, 'UTF8')), here, actor, terms.role, 'anonymous', wanted_app, array['form.' || wanted_form], terms.entity,
          clock_timestamp() + interval '1 minute');
  perform set_config('statehouse.session', token, false);
  return token;
end $$;
comment on function statehouse.form_enter(text, text, text, text, text) is 'A session of one minute for one record of a form, sets it for this connection and returns its token; counts, by address and in all';

-- Who a page is of. The address of a form is public, and so is the name on it.
create function statehouse.form_host(wanted_app text, wanted_form text, wanted_tenant text) returns text
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (select t.name from statehouse.tenant t
           where t.slug = wanted_tenant and t.suspended_at is null
             and (statehouse.form_terms(wanted_app, wanted_form)).entity is not null
             and exists (select from statehouse.membership m where m.tenant = t.tenant and m.app = wanted_app));
end $$;
comment on function statehouse.form_host(text, text, text) is 'The name of the tenant whose form this is; null where there is no such form';

create function statehouse.host() returns text
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  here constant int := (statehouse.ctx()).tenant;
begin
  return (select t.name from statehouse.tenant t where t.tenant = here);
end $$;
comment on function statehouse.host() is 'The name of the caller''s tenant';

-- ── what they are good for ───────────────────────────────────────────────────
-- Called by the doors of roles that links and forms hold, in the transaction that uses them up: a refusal gives it back.
create function statehouse.spend(c statehouse.context, wanted_entity text) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from statehouse.session s where s.id = c.session and s.entity = wanted_entity) then
    perform statehouse.refuse('SH2006', format('this session is not for `%s`', wanted_entity), jsonb_build_object('entity', c.app || '.' || wanted_entity),
      'use a link or a form that leads here');
  end if;
  if c.kind = 'link' then
    update statehouse.link l set used = l.used + 1
     where l.link = c.actor and l.revoked_at is null and l.expires > statehouse.now() and (l.uses is null or l.used < l.uses);
    if not found then
      perform statehouse.refuse('SH6301', 'the link is not accepted', '{}', 'ask whoever sent it for a new one');
    end if;
  else
    update statehouse.session s set revoked_at = pg_catalog.now() where s.id = c.session and s.revoked_at is null;
    if not found then
      perform statehouse.refuse('SH2002', 'unknown or expired session', '{}', 'send the form again');
    end if;
  end if;
end $$;
comment on function statehouse.spend(statehouse.context, text) is 'Uses up a move of a link, or the one record of a form';

do $$
declare
  t text;
begin
  foreach t in array array['link', 'form_count', 'form_key'] loop
    execute format('alter table statehouse.%I enable row level security', t);
    execute format('alter table statehouse.%I force row level security', t);
    execute format('create policy owner_functions on statehouse.%I to statehouse_owner using (true)', t);
    execute format('grant select on statehouse.%I to statehouse_backup', t);
  end loop;
end $$;
grant execute on function statehouse.link_make(text, uuid, int, interval), statehouse.link_enter(text), statehouse.link_find(uuid), statehouse.link_revoke(uuid),
  statehouse.form_enter(text, text, text, text, text), statehouse.form_host(text, text, text), statehouse.host() to statehouse_api;
