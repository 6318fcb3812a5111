-- People: who belongs, what they may do, their keys, how they sign in. Every door here asks the session who it is, asks
-- for a capability where one is needed, and leaves a row about what was changed.

-- ── what was changed ─────────────────────────────────────────────────────────
create table statehouse.admin_event (
  tenant int         not null,
  n      bigint      generated always as identity,
  at     timestamptz not null default pg_catalog.now(),
  actor  uuid        not null,   -- the zero id is the administrator of the database
  what   text        not null,
  member uuid,                   -- whom it concerns
  about  jsonb       not null default '{}',
  constraint admin_event_pkey primary key (tenant, n),
  constraint admin_event_bounded check (octet_length(about::text) <= 8192)
);
comment on table statehouse.admin_event is 'Who changed members, keys, rules and tenants, and how; never updated, never deleted while the tenant lives';

-- What is left of an erased tenant is its tombstone; until then these rows are kept as records are.
create function statehouse.keep_admin_event() returns trigger
  language plpgsql
as $$
begin
  if tg_op = 'DELETE' and statehouse.erased(old.tenant) then return old; end if;
  perform statehouse.refuse('SH4014', 'what was changed is never changed or deleted', '{}', 'correct it by another change; the first one stays');
end $$;
comment on function statehouse.keep_admin_event() is 'Refuses every change of what was changed';
create trigger kept before update or delete on statehouse.admin_event for each row execute function statehouse.keep_admin_event();
create trigger kept_whole before truncate on statehouse.admin_event for each statement execute function statehouse.keep();

create function statehouse.note(c statehouse.context, what text, member uuid, about jsonb) returns void
  language sql
begin atomic
  insert into statehouse.admin_event (tenant, actor, what, member, about) values ((c).tenant, (c).actor, what, member, about);
end;
comment on function statehouse.note(statehouse.context, text, uuid, jsonb) is 'Leaves a row about a change, in the transaction of the change';

-- ── limits of a tenant ───────────────────────────────────────────────────────
create function statehouse.limits() returns statehouse.tenant_limit
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  here  int := (statehouse.ctx()).tenant;
  found_limit statehouse.tenant_limit;
begin
  select l.* into strict found_limit from statehouse.tenant_limit l where l.tenant = here;
  return found_limit;
end $$;
comment on function statehouse.limits() is 'The limits of the caller''s tenant';

create function statehouse.refuse_limit(what text, most bigint) returns void
  language plpgsql
as $$
begin
  perform statehouse.refuse('SH6506', format('this tenant may have %s %s', most, what), jsonb_build_object('limit', most, 'of', what),
    'end what is not needed any more, or ask the operator for a higher limit');
end $$;
comment on function statehouse.refuse_limit(text, bigint) is 'Refuses what would be one too many';

-- ── who may change what of whom ──────────────────────────────────────────────
-- The session may be older than an apply that took a capability from the role: what counts is held in both.
create function statehouse.held(c statehouse.context) returns text[]
  language sql stable
  return array(
    select unnest((c).capabilities)
    intersect
    select unnest(statehouse.effective_capabilities(m)) from statehouse.membership m
     where m.tenant = (c).tenant and m.member = (c).actor and m.app = (c).app);
comment on function statehouse.held(statehouse.context) is 'What the member of a session may do now';

-- Changes of who may do what go one by one in a tenant. The lock is written, so that REPEATABLE READ does not decide on
-- what was so before somebody else's change.
create function statehouse.one_change_at_a_time(tenant int) returns void
  language sql
begin atomic
  select statehouse.take_lock(tenant, '00000000-0000-0000-0000-000000000000');
end;
comment on function statehouse.one_change_at_a_time(int) is 'Waits for the other changes of members and keys of the tenant';

-- Every door of this file begins here. People only: a model, a link or a form changes nobody's rights. Who comes alone
-- has waited for the others, and is looked up again: they may have ended this very session.
create function statehouse.admit(capability text default null, alone boolean default false) returns statehouse.context
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c statehouse.context := statehouse.ctx();
begin
  if c.kind <> 'member' then
    perform statehouse.refuse('SH2006', format('this door is not for the kind `%s`', c.kind), '{}', 'sign in as a member');
  end if;
  perform statehouse.open_door(c);
  if alone then
    perform statehouse.one_change_at_a_time(c.tenant);
    c := statehouse.ctx();
  end if;
  if capability is not null and capability <> all (statehouse.held(c)) then
    perform statehouse.refuse('SH6505', format('you do not hold `%s`', capability), jsonb_build_object('capability', capability),
      format('ask a member who holds `%s`', capability));
  end if;
  return c;
end $$;
comment on function statehouse.admit(text, boolean) is 'The verified context of a member who holds the capability, with the door open; callable by the owner only';

create function statehouse.preset(app text, role text) returns text[]
  language plpgsql stable
as $$
declare
  found_preset text[];
begin
  select p.capabilities into found_preset from statehouse.role_preset p where p.app = preset.app and p.role = preset.role;
  if not found then
    perform statehouse.refuse('SH6508', format('there is no role `%s`', role), jsonb_build_object('role', role),
      (select format('choose one of %s', string_agg(format('`%s`', p.role), ', ' order by p.role)) from statehouse.role_preset p where p.app = preset.app));
  end if;
  return found_preset;
end $$;
comment on function statehouse.preset(text, text) is 'What a role may do; refuses a role the app does not have';

-- What is revoked from somebody does not count: it could be given back by whoever may give it.
create function statehouse.check_grant(c statehouse.context, role text, extra text[]) returns void
  language plpgsql
as $$
declare
  missing text[] := array(select unnest(statehouse.preset(c.app, role) || extra) except select unnest(statehouse.held(c)) order by 1);
begin
  if missing <> '{}' then
    perform statehouse.refuse('SH6501', format('you cannot give what you do not hold: %s', array_to_string(missing, ', ')),
      jsonb_build_object('role', role, 'missing', to_jsonb(missing)), 'ask a member who holds them');
  end if;
end $$;
comment on function statehouse.check_grant(statehouse.context, text, text[]) is 'Refuses a role or capabilities beyond what the session holds';

-- Taking away needs no less than giving: else the least of those who manage members could dismiss all the others.
create function statehouse.check_reach(c statehouse.context, whom statehouse.membership) returns void
  language plpgsql
as $$
declare
  beyond text[] := array(select unnest(statehouse.effective_capabilities(whom)) except select unnest(statehouse.held(c)) order by 1);
begin
  if beyond <> '{}' then
    perform statehouse.refuse('SH6501', format('this member holds more than you do: %s', array_to_string(beyond, ', ')),
      jsonb_build_object('missing', to_jsonb(beyond)), 'ask a member who holds as much');
  end if;
end $$;
comment on function statehouse.check_reach(statehouse.context, statehouse.membership) is 'Refuses a change of somebody who holds more than the session';

create function statehouse.check_somebody_manages(tenant int, app text, managed boolean) returns void
  language plpgsql
as $$
begin
  if managed and not exists (
      select from statehouse.membership m
       where m.tenant = check_somebody_manages.tenant and m.app = check_somebody_manages.app
         and 'members.manage' = any (statehouse.effective_capabilities(m))) then
    perform statehouse.refuse('SH6503', 'this is the last member who holds `members.manage`', '{}', 'give `members.manage` to somebody else first');
  end if;
end $$;
comment on function statehouse.check_somebody_manages(int, text, boolean) is 'After a change: refuses it if it took `members.manage` from the last who held it';

create function statehouse.membership_of(c statehouse.context, whom uuid) returns statehouse.membership
  language plpgsql
as $$
declare
  found_membership statehouse.membership;
begin
  select m.* into found_membership from statehouse.membership m
   where m.tenant = c.tenant and m.member = whom and m.app = c.app for update;
  if not found then
    perform statehouse.refuse('SH1002', 'there is no such member that you can see', '{}', 'check the id');
  end if;
  return found_membership;
end $$;
comment on function statehouse.membership_of(statehouse.context, uuid) is 'A membership of the caller''s own tenant and app, locked; refuses one that is not there';

-- ── members ──────────────────────────────────────────────────────────────────
create type statehouse.person as (id uuid, name text, email text, role text, extra text[], revoked text[], capabilities text[]);
comment on type statehouse.person is 'A member as those see it who manage members';

create function statehouse.person_of(m statehouse.membership) returns statehouse.person
  language sql stable
  return (
    select row(p.member, coalesce(t.name, p.name), p.email, (m).role, (m).extra, (m).revoked, statehouse.effective_capabilities(m))::statehouse.person
      from statehouse.member p
      join statehouse.tenant_member t on t.member = p.member and t.tenant = (m).tenant
     where p.member = (m).member);
comment on function statehouse.person_of(statehouse.membership) is 'A membership with the name its tenant gave';

-- In order of id; `after` is the last one of the page before.
create function statehouse.members(after uuid default null, most int default 100) returns setof statehouse.person
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c statehouse.context := statehouse.admit('members.manage');
begin
  return query
    select (p.person).*
      from (select statehouse.person_of(m) as person
              from statehouse.membership m
             where m.tenant = c.tenant and m.app = c.app and (after is null or m.member > after)
             order by m.member limit least(greatest(most, 0), 1000)) p;
end $$;
comment on function statehouse.members(uuid, int) is 'The members of the caller''s tenant and app; asks for `members.manage`';

create function statehouse.invite(email text, name text, role text, extra text[] default '{}', revoked text[] default '{}') returns statehouse.person
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c       statehouse.context := statehouse.admit('members.manage', alone => true);
  address text := lower(btrim(email));
  whom    uuid;
  most    int;
  made    statehouse.membership;
begin
  perform statehouse.check_grant(c, role, extra);
  if btrim(name) = '' or name is null or length(name) > 200 or address is null or length(address) > 254 or cardinality(revoked) > 100 then
    perform statehouse.refuse('SH5011', 'a member has a name of at most 200 characters and an address of at most 254', '{}', 'give both');
  end if;
  select l.members into most from statehouse.tenant_limit l where l.tenant = c.tenant;
  if (select count(distinct m.member) from statehouse.membership m where m.tenant = c.tenant) >= most then
    perform statehouse.refuse_limit('members', most);
  end if;
  -- The same address is the same person, whoever met them first; what others call them is not told.
  insert into statehouse.member as p (name, email) values (btrim(invite.name), address) on conflict do nothing;
  select p.member into strict whom from statehouse.member p where lower(p.email) = address;
  insert into statehouse.tenant_member as t (tenant, member, name) values (c.tenant, whom, btrim(invite.name))
  on conflict (tenant, member) do update set name = excluded.name;
  insert into statehouse.membership as m (tenant, member, app, role, extra, revoked)
  values (c.tenant, whom, c.app, invite.role, invite.extra, invite.revoked)
  on conflict (tenant, member, app) do nothing
  returning m.* into made;
  if not found then
    perform statehouse.refuse('SH6507', format('`%s` is a member already', address), jsonb_build_object('member', whom), 'change the member instead');
  end if;
  perform statehouse.note(c, 'member_invited', whom, jsonb_build_object('role', role, 'extra', extra, 'revoked', revoked));
  return statehouse.person_of(made);
end $$;
comment on function statehouse.invite(text, text, text, text[], text[]) is 'Makes somebody a member of the caller''s tenant and app; asks for `members.manage` and for all that is given';

-- Null leaves a part as it is. Sessions of the member end by the trigger on membership.
create function statehouse.change_member(id uuid, role text default null, extra text[] default null, revoked text[] default null) returns statehouse.person
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c      statehouse.context := statehouse.admit('members.manage', alone => true);
  before statehouse.membership;
  after  statehouse.membership;
begin
  before := statehouse.membership_of(c, id);
  if id = c.actor then
    perform statehouse.refuse('SH6502', 'nobody changes their own role or capabilities', '{}', 'ask another member who holds `members.manage`');
  end if;
  perform statehouse.check_reach(c, before);
  perform statehouse.check_grant(c, coalesce(role, before.role), coalesce(extra, before.extra));
  update statehouse.membership m
     set role = coalesce(change_member.role, m.role), extra = coalesce(change_member.extra, m.extra), revoked = coalesce(change_member.revoked, m.revoked)
   where m.tenant = c.tenant and m.member = id and m.app = c.app
  returning m.* into after;
  perform statehouse.check_somebody_manages(c.tenant, c.app, 'members.manage' = any (statehouse.effective_capabilities(before)));
  perform statehouse.note(c, 'member_changed', id, jsonb_build_object('before', jsonb_build_object('role', before.role, 'extra', before.extra, 'revoked', before.revoked),
    'after', jsonb_build_object('role', after.role, 'extra', after.extra, 'revoked', after.revoked)));
  return statehouse.person_of(after);
end $$;
comment on function statehouse.change_member(uuid, text, text[], text[]) is 'Changes the role or capabilities of another member; asks for `members.manage` and for all that is given';

create function statehouse.dismiss(id uuid) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c      statehouse.context := statehouse.admit('members.manage', alone => true);
  before statehouse.membership;
begin
  before := statehouse.membership_of(c, id);
  perform statehouse.check_reach(c, before);
  delete from statehouse.api_key k where k.tenant = c.tenant and k.member = before.member and k.app = c.app;
  delete from statehouse.membership m where m.tenant = c.tenant and m.member = before.member and m.app = c.app;
  perform statehouse.check_somebody_manages(c.tenant, c.app, 'members.manage' = any (statehouse.effective_capabilities(before)));
  perform statehouse.note(c, 'member_dismissed', id, jsonb_build_object('role', before.role, 'extra', before.extra, 'revoked', before.revoked));
end $$;
comment on function statehouse.dismiss(uuid) is 'Ends a membership, another''s or one''s own, with its keys and sessions; the member stays named in records';

-- ── who am I ─────────────────────────────────────────────────────────────────
-- Where else somebody belongs is told to the person who signed in, and not to whoever holds a key of one tenant.
create function statehouse.me() returns jsonb
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c         statehouse.context := statehouse.ctx();
  in_person boolean := (select s.sign_in is not null from statehouse.session s where s.id = c.session);
begin
  return jsonb_build_object(
    'member', case when c.kind = 'member' then (
       select jsonb_build_object('id', p.member, 'name', coalesce(t.name, p.name), 'email', p.email)
         from statehouse.member p left join statehouse.tenant_member t on t.member = p.member and t.tenant = c.tenant
        where p.member = c.actor) end,
    'tenant', (select jsonb_build_object('slug', t.slug, 'name', t.name, 'market', t.market) from statehouse.tenant t where t.tenant = c.tenant),
    'app', c.app, 'role', c.role, 'kind', c.kind, 'session', c.session, 'capabilities', to_jsonb(c.capabilities),
    'memberships', case when c.kind = 'member' and in_person then (
       select coalesce(jsonb_agg(jsonb_build_object('tenant', t.slug, 'name', t.name, 'app', m.app, 'role', m.role) order by t.slug, m.app), '[]')
         from statehouse.membership m join statehouse.tenant t on t.tenant = m.tenant and t.suspended_at is null
        where m.member = c.actor) else '[]' end);
end $$;
comment on function statehouse.me() is 'Who the caller is, and for a person who signed in, where else they belong';

-- ── API keys ─────────────────────────────────────────────────────────────────
create type statehouse.key_shown as (id uuid, label text, member uuid, name text, created_at timestamptz, used_at timestamptz, expires timestamptz, revoked_at timestamptz);
comment on type statehouse.key_shown is 'A key as it is listed: everything but the key';

create function statehouse.key_of(k statehouse.api_key) returns statehouse.key_shown
  language sql stable
  return (
    select row((k).id, (k).label, (k).member, coalesce(t.name, p.name), (k).created_at, date_trunc('hour', (k).used_at), (k).expires, (k).revoked_at)::statehouse.key_shown
      from statehouse.member p
      join statehouse.tenant_member t on t.member = p.member and t.tenant = (k).tenant
     where p.member = (k).member);
comment on function statehouse.key_of(statehouse.api_key) is 'A key without what opens anything';

create function statehouse.keys(after uuid default null, most int default 100) returns setof statehouse.key_shown
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c   statehouse.context := statehouse.admit();
  all_of_them boolean := 'keys.manage' = any (statehouse.held(c));
begin
  return query
    select (s.shown).*
      from (select statehouse.key_of(k) as shown
              from statehouse.api_key k
             where k.tenant = c.tenant and k.app = c.app and (k.member = c.actor or all_of_them) and (after is null or k.id > after)
             order by k.id limit least(greatest(most, 0), 1000)) s;
end $$;
comment on function statehouse.keys(uuid, int) is 'The caller''s keys, and with `keys.manage` those of the tenant';

-- The key is made here, so that no client can bring a weak one: 256 bits drawn from three random ids of 122.
create function statehouse.make_key(label text, expires timestamptz default null, member uuid default null, out key text, out shown statehouse.key_shown)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c    statehouse.context := statehouse.admit(case when member <> (statehouse.ctx()).actor then 'keys.manage' end, alone => true);
  whom statehouse.membership;
  most int;
  -- A key does not outlive the key it was made with.
  ends timestamptz := least(expires, (select k.expires from statehouse.session s join statehouse.api_key k on k.key_hash = s.key_hash where s.id = c.session));
  made statehouse.api_key;
begin
  whom := statehouse.membership_of(c, coalesce(member, c.actor));
  -- Who holds a key of somebody acts in their name, so it may not be somebody who holds more.
  if whom.member <> c.actor then perform statehouse.check_grant(c, whom.role, whom.extra); end if;
  if btrim(label) = '' or label is null or length(label) > 100 or expires <= clock_timestamp() or not isfinite(expires) then
    perform statehouse.refuse('SH5011', 'a key has a label of at most 100 characters and ends in the future, if it ends', '{}', 'give a label, and a later end');
  end if;
  select l.keys into most from statehouse.tenant_limit l where l.tenant = c.tenant;
  if (select count(*) from statehouse.api_key k
       where k.tenant = c.tenant and k.revoked_at is null and (k.expires is null or k.expires > clock_timestamp())) >= most then
    perform statehouse.refuse_limit('keys', most);
  end if;
  key := format('sk_%s_%s', (select t.slug from statehouse.tenant t where t.tenant = c.tenant),
    rtrim(translate(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'), '+/', '-_'), '='));
  insert into statehouse.api_key as k (key_hash, tenant, member, app, label, made_by, expires)
  values (sha256(convert_to(key, 'UTF8')), c.tenant, whom.member, c.app, btrim(make_key.label), c.actor, ends)
  returning k.* into made;
  perform statehouse.note(c, 'key_made', whom.member, jsonb_build_object('key', made.id, 'label', made.label, 'expires', made.expires));
  shown := statehouse.key_of(made);
end $$;
comment on function statehouse.make_key(text, timestamptz, uuid) is 'A new key, shown this once: the caller''s own, or with `keys.manage` of somebody who holds no more';

create function statehouse.revoke_key(id uuid) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c   statehouse.context := statehouse.admit();
  old statehouse.api_key;
begin
  select k.* into old from statehouse.api_key k
   where k.id = revoke_key.id and k.tenant = c.tenant and k.app = c.app
     and (k.member = c.actor or 'keys.manage' = any (statehouse.held(c)));
  if not found then
    perform statehouse.refuse('SH1002', 'there is no such key that you can see', '{}', 'check the id');
  end if;
  if old.member <> c.actor then perform statehouse.check_reach(c, statehouse.membership_of(c, old.member)); end if;
  update statehouse.api_key k set revoked_at = pg_catalog.now() where k.key_hash = old.key_hash and k.revoked_at is null;
  if found then perform statehouse.note(c, 'key_revoked', old.member, jsonb_build_object('key', old.id, 'label', old.label)); end if;
end $$;
comment on function statehouse.revoke_key(uuid) is 'Ends a key and its sessions: the caller''s own, or with `keys.manage` of somebody who holds no more';

-- ── sessions of one person ───────────────────────────────────────────────────
create type statehouse.session_shown as (id bigint, role text, opened_by text, created_at timestamptz, expires timestamptz, current boolean);
comment on type statehouse.session_shown is 'A session as it is listed: everything but the token';

create function statehouse.my_sessions(most int default 100) returns setof statehouse.session_shown
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c statehouse.context := statehouse.admit();
begin
  return query
    select s.id, s.role, coalesce('key ' || k.label, case when s.sign_in is not null then 'sign-in' else 'administrator' end), s.created_at, s.expires, s.id = c.session
      from statehouse.session s left join statehouse.api_key k on k.key_hash = s.key_hash
     where s.tenant = c.tenant and s.actor = c.actor and s.app = c.app and s.kind = 'member'
       and s.revoked_at is null and s.expires > clock_timestamp()
     order by s.id desc limit least(greatest(most, 0), 1000);
end $$;
comment on function statehouse.my_sessions(int) is 'The caller''s living sessions in this tenant, the youngest first';

create function statehouse.end_session(id bigint) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c statehouse.context := statehouse.admit();
begin
  update statehouse.session s set revoked_at = pg_catalog.now()
   where s.id = end_session.id and s.tenant = c.tenant and s.actor = c.actor and s.app = c.app and s.kind = 'member'
     and s.revoked_at is null and s.expires > clock_timestamp();
  if not found then
    perform statehouse.refuse('SH1002', 'there is no such session that you can see', '{}', 'list your sessions');
  end if;
end $$;
comment on function statehouse.end_session(bigint) is 'Ends one of the caller''s own sessions';

-- ── signing in by mail ───────────────────────────────────────────────────────
-- The token is HMAC-SHA256 of the id under a secret of the server, so that the mail can be written, and written again,
-- from the row alone, and the row opens nothing.
create table statehouse.sign_in (
  id         uuid            not null,
  token_hash statehouse.hash not null,
  member     uuid,                        -- null: nobody has this address; the row is there so that asking takes as long
  address    statehouse.hash not null,    -- of the address, to bound how often it is asked for
  app        text            not null,
  tenant     int,                         -- where to, if it was said
  asked_at   timestamptz     not null default pg_catalog.now(),
  expires    timestamptz     not null,
  mailed_at  timestamptz,                 -- written by whoever sends the mail
  used_at    timestamptz,
  constraint sign_in_pkey primary key (id),
  constraint sign_in_token_unique unique (token_hash)
);
create index sign_in_asked on statehouse.sign_in (address, asked_at);
create index sign_in_expires on statehouse.sign_in (expires);
comment on table statehouse.sign_in is 'Sign-ins asked for by mail: once each, within 15 minutes';

-- For the server alone: who could bring a token of their own and a stranger's address would be that stranger.
-- True where a mail is to be written; a client is never told.
create function statehouse.ask_sign_in(id uuid, token_hash bytea, email text, app text, slug text default null) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  address text := lower(btrim(email));
  folded  bytea := sha256(convert_to(address, 'UTF8'));
  whom    uuid;
begin
  delete from statehouse.sign_in s
   where s.id in (select o.id from statehouse.sign_in o where o.expires < pg_catalog.now() - interval '1 day' order by o.expires limit 20 for update skip locked);
  if (select count(*) from statehouse.sign_in s where s.address = folded and s.asked_at > pg_catalog.now() - interval '15 minutes') >= 5 then
    return false;
  end if;
  select p.member into whom from statehouse.member p
   where lower(p.email) = address
     and exists (select from statehouse.membership m join statehouse.tenant t on t.tenant = m.tenant and t.suspended_at is null
                  where m.member = p.member and m.app = ask_sign_in.app and (ask_sign_in.slug is null or t.slug = ask_sign_in.slug));
  insert into statehouse.sign_in (id, token_hash, member, address, app, tenant, expires)
  values (ask_sign_in.id, ask_sign_in.token_hash, whom, folded, ask_sign_in.app,
          (select t.tenant from statehouse.tenant t where t.slug = ask_sign_in.slug), pg_catalog.now() + interval '15 minutes');
  return whom is not null;
end $$;
comment on function statehouse.ask_sign_in(uuid, bytea, text, text, text) is 'Notes that a sign-in was asked for; true if somebody has this address';

-- Opens a session for a person in person. The locks make a dismissal or a suspension at the same moment wait, and end it.
create function statehouse.begin_session(whom uuid, wanted_tenant int, wanted_app text, wanted_sign_in uuid) returns text
  language plpgsql
as $$
declare
  token text := encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
  held  statehouse.membership;
begin
  perform from statehouse.tenant t where t.tenant = wanted_tenant and t.suspended_at is null for share;
  if not found then
    perform statehouse.refuse('SH2011', 'the tenant is suspended', '{}', 'ask the operator to resume it');
  end if;
  select m.* into held from statehouse.membership m
   where m.tenant = wanted_tenant and m.member = whom and m.app = wanted_app for share;
  if not found then
    perform statehouse.refuse('SH2004', 'you do not belong there', '{}', 'choose one of your memberships');
  end if;
  insert into statehouse.session (token_hash, sign_in, tenant, actor, role, kind, app, capabilities, expires)
  values (sha256(convert_to(token, 'UTF8')), wanted_sign_in, held.tenant, held.member, held.role, 'member', held.app,
          statehouse.effective_capabilities(held), pg_catalog.now() + interval '7 days');
  perform set_config('statehouse.session', token, false);
  return token;
end $$;
comment on function statehouse.begin_session(uuid, int, text, uuid) is 'A session of 7 days for a member; callable by the owner only';

-- Once. Where the person belongs to several tenants and none was named, the choice is asked for and the token still lives.
create function statehouse.sign_in(token text, slug text default null) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  asked   statehouse.sign_in;
  choices text[];
  here    int;
begin
  select s.* into asked from statehouse.sign_in s
   where s.token_hash = sha256(convert_to(token, 'UTF8')) and s.member is not null and s.used_at is null and s.expires > clock_timestamp()
     for update;
  if not found then
    perform statehouse.refuse('SH6509', 'the link is not accepted', '{}', 'ask for a new one: a link works once, within 15 minutes');
  end if;
  select array_agg(t.slug order by t.slug) into choices
    from statehouse.membership m join statehouse.tenant t on t.tenant = m.tenant and t.suspended_at is null
   where m.member = asked.member and m.app = asked.app and (asked.tenant is null or m.tenant = asked.tenant);
  if slug is null and cardinality(choices) > 1 then
    perform statehouse.refuse('SH6510', format('you belong to several tenants: %s', array_to_string(choices, ', ')),
      jsonb_build_object('choices', to_jsonb(choices)), 'name one of them');
  end if;
  select t.tenant into here from statehouse.tenant t where t.slug = coalesce(sign_in.slug, choices[1]) and t.slug = any (choices);
  if not found then
    perform statehouse.refuse('SH2004', 'you do not belong there', '{}', 'choose one of your memberships');
  end if;
  update statehouse.sign_in s set used_at = pg_catalog.now() where s.id = asked.id;
  return statehouse.begin_session(asked.member, here, asked.app, asked.id);
end $$;
comment on function statehouse.sign_in(text, text) is 'Exchanges the token of a sign-in for a session, sets it for this connection and returns its token';

-- From one tenant to another of the same person; a key stays in its tenant.
create function statehouse.switch_to(slug text) returns text
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c    statehouse.context := statehouse.admit();
  mine uuid := (select s.sign_in from statehouse.session s where s.id = c.session);
  here int;
begin
  if mine is null then
    perform statehouse.refuse('SH2006', 'only somebody who signed in goes to another tenant', '{}', 'sign in by mail, or use a key of that tenant');
  end if;
  select t.tenant into here
    from statehouse.membership m join statehouse.tenant t on t.tenant = m.tenant and t.suspended_at is null
   where m.member = c.actor and m.app = c.app and t.slug = switch_to.slug;
  if not found then
    perform statehouse.refuse('SH2004', 'you do not belong there', '{}', 'choose one of your memberships');
  end if;
  return statehouse.begin_session(c.actor, here, c.app, mine);
end $$;
comment on function statehouse.switch_to(text) is 'A session in another tenant of the same person, for somebody who signed in';

-- ── the tenant itself ────────────────────────────────────────────────────────
create function statehouse.my_tenant() returns jsonb
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c       statehouse.context := statehouse.admit();
  manages boolean := 'members.manage' = any (statehouse.held(c));
begin
  return (
    select jsonb_build_object('slug', t.slug, 'name', t.name, 'market', t.market)
           || case when manages then jsonb_build_object(
                'limits', to_jsonb(l) - 'tenant',
                'usage', jsonb_build_object(
                  'members', (select count(distinct m.member) from statehouse.membership m where m.tenant = c.tenant),
                  'keys', (select count(*) from statehouse.api_key k where k.tenant = c.tenant and k.revoked_at is null
                            and (k.expires is null or k.expires > clock_timestamp())))) else '{}' end
      from statehouse.tenant t join statehouse.tenant_limit l on l.tenant = t.tenant
     where t.tenant = c.tenant);
end $$;
comment on function statehouse.my_tenant() is 'The caller''s tenant; its limits and what is used of them for those who manage members';

create function statehouse.rename_tenant(name text) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c   statehouse.context := statehouse.admit('members.manage');
  was text := (select t.name from statehouse.tenant t where t.tenant = c.tenant);
begin
  if btrim(name) = '' or name is null or length(name) > 200 then
    perform statehouse.refuse('SH5011', 'a tenant has a name of at most 200 characters', '{}', 'give one');
  end if;
  update statehouse.tenant t set name = btrim(rename_tenant.name) where t.tenant = c.tenant;
  perform statehouse.note(c, 'tenant_renamed', null, jsonb_build_object('before', was, 'after', btrim(name)));
end $$;
comment on function statehouse.rename_tenant(text) is 'Gives the caller''s tenant another name; asks for `members.manage`';

-- ── who reaches what ─────────────────────────────────────────────────────────
create unique index member_email_folded on statehouse.member (lower(email));

do $$
declare
  t text;
begin
  foreach t in array array['admin_event', 'sign_in'] loop
    execute format('alter table statehouse.%I enable row level security', t);
    execute format('alter table statehouse.%I force row level security', t);
    execute format('grant select on statehouse.%I to statehouse_backup', t);
  end loop;
end $$;
create policy tenant_of_the_door on statehouse.admin_event to statehouse_owner
  using (tenant = nullif(current_setting('statehouse.tenant', true), '')::int);
create policy owner_functions on statehouse.sign_in to statehouse_owner using (true);

grant execute on function statehouse.members(uuid, int), statehouse.invite(text, text, text, text[], text[]), statehouse.change_member(uuid, text, text[], text[]),
  statehouse.dismiss(uuid), statehouse.keys(uuid, int), statehouse.make_key(text, timestamptz, uuid), statehouse.revoke_key(uuid),
  statehouse.my_sessions(int), statehouse.end_session(bigint), statehouse.sign_in(text, text), statehouse.switch_to(text),
  statehouse.my_tenant(), statehouse.rename_tenant(text)
  to statehouse_api;
grant execute on function statehouse.limits(), statehouse.me() to statehouse_api, statehouse_agent, statehouse_read;
grant execute on function statehouse.ask_sign_in(uuid, bytea, text, text, text) to statehouse_server;
