-- Rule tables at run time: a tenant reads what holds for it and keeps rows of its own. A row that holds or held is never
-- edited in place: what it says stays, and it may only be told when to end.

create function statehouse.rule_table(c statehouse.context, name text) returns regclass
  language plpgsql stable
as $$
declare
  found_table regclass;
begin
  -- A rule table is known by the policy that only rule tables have.
  select p.polrelid into found_table
    from pg_catalog.pg_policy p join pg_catalog.pg_class t on t.oid = p.polrelid
   where t.relnamespace = to_regnamespace(quote_ident(c.app)) and t.relname = name and p.polname = 'rows_of_all_and_of_the_door';
  if not found then
    perform statehouse.refuse('SH1002', 'there is no such rule table that you can see', '{}', 'use one of the rule tables of the app');
  end if;
  return found_table;
end $$;
comment on function statehouse.rule_table(statehouse.context, text) is 'A rule table of the caller''s app; refuses anything else';

create function statehouse.rule_today(c statehouse.context) returns date
  language sql stable
  return statehouse.today(coalesce(
    (select d.body #>> '{app,time_zone}' from statehouse.definition d where d.app = (c).app order by d.version desc limit 1), 'UTC'));
comment on function statehouse.rule_today(statehouse.context) is 'The calendar day of the caller''s app';

create type statehouse.rule as (id uuid, scope text, holds boolean, says jsonb);
comment on type statehouse.rule is 'A row of a rule table: whose it is, whether it holds today, and what it says with its source';

-- Decimals are told as text: a reader of JSON numbers would round them.
create function statehouse.rule_decimals(rule_table regclass) returns text[]
  language sql stable
  return array(
    select a.attname::text from pg_catalog.pg_attribute a
     where a.attrelid = rule_table and a.attnum > 0 and not a.attisdropped and a.atttypid = 'numeric'::regtype);
comment on function statehouse.rule_decimals(regclass) is 'The columns of a rule table that hold decimals';

-- A row is known by all it says but its end, which is the one thing that may change.
create function statehouse.rule_of(r jsonb, today date, decimals text[]) returns statehouse.rule
  language sql stable
  return row(md5((r - 'valid_to')::text)::uuid,
    case when r ->> 'tenant' is not null then 'tenant' when r ->> 'market' is not null then 'market' else 'app' end,
    (r ->> 'valid_from')::date <= today and (r ->> 'valid_to' is null or today < (r ->> 'valid_to')::date),
    (select jsonb_object_agg(e.key, case when e.key = any (decimals) then to_jsonb(e.value #>> '{}') else e.value end)
       from jsonb_each(r - 'tenant') e))::statehouse.rule;
comment on function statehouse.rule_of(jsonb, date, text[]) is 'A row of a rule table as it is shown';

-- Dynamic statements call a row "Row": no column of an app has a capital letter, so none can be meant instead.
create function statehouse.rules(name text) returns setof statehouse.rule
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c      statehouse.context := statehouse.admit('rules.edit');
  target regclass := statehouse.rule_table(c, name);
  today  date := statehouse.rule_today(c);
  market text := (select t.market from statehouse.tenant t where t.tenant = c.tenant);
begin
  return query execute format(
    'select (x.shown).* from (select statehouse.rule_of(to_jsonb("Row"), $1, $4) as shown from %s "Row"
       where (tenant = $2 or tenant is null and (market is null or market = $3))
       order by tenant nulls last, market nulls last, to_jsonb("Row") - ''valid_from'' - ''valid_to'' - ''source'' - ''checked_on'', valid_from
       limit 10000) x', target)
    using today, c.tenant, market, statehouse.rule_decimals(target);
end $$;
comment on function statehouse.rules(text) is 'The rows of a rule table that may hold for the caller''s tenant, its own first; asks for `rules.edit`';

-- The columns that are matched: all of the unique key but the day and the scope.
create function statehouse.rule_matches(rule_table regclass) returns text[]
  language sql stable
  return array(
    select a.attname::text
      from pg_catalog.pg_constraint k, unnest(k.conkey) with ordinality n (attnum, place), pg_catalog.pg_attribute a
     where k.conrelid = rule_table and k.contype = 'u' and a.attrelid = k.conrelid and a.attnum = n.attnum
       and a.attname not in ('valid_from', 'tenant', 'market')
     order by n.place);
comment on function statehouse.rule_matches(regclass) is 'The columns of a rule table that a look-up matches';

-- Two rows of one tenant that match the same and hold on the same day would leave no single rule. One change at a time,
-- so that two who add at once do not both find the days free.
create function statehouse.check_rule_alone(c statehouse.context, rule_table regclass, wanted jsonb, but uuid) returns void
  language plpgsql
as $$
declare
  other statehouse.rule;
begin
  execute format(
    'select (x.shown).* from (select statehouse.rule_of(to_jsonb("Row"), $1, $6) as shown, valid_from, valid_to, to_jsonb("Row") as said from %s "Row" where tenant = $2) x
      where (x.shown).id is distinct from $3
        and daterange(x.valid_from, x.valid_to) && daterange(($4 ->> ''valid_from'')::date, ($4 ->> ''valid_to'')::date)
        and (select bool_and(x.said -> m = $4 -> m) from unnest($5) m) is not false
      limit 1', rule_table)
    into other using statehouse.rule_today(c), c.tenant, but, wanted, statehouse.rule_matches(rule_table), statehouse.rule_decimals(rule_table);
  if other.id is not null then
    perform statehouse.refuse('SH6511', format('another row of yours holds from %s to %s', other.says ->> 'valid_from', coalesce(other.says ->> 'valid_to', 'an open end')),
      jsonb_build_object('rule', other.id), 'end that one before this one begins');
  end if;
end $$;
comment on function statehouse.check_rule_alone(statehouse.context, regclass, jsonb, uuid) is 'Refuses days on which another row of the tenant holds';

create function statehouse.add_rule(name text, given jsonb) returns statehouse.rule
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c       statehouse.context := statehouse.admit('rules.edit');
  target  regclass := statehouse.rule_table(c, name);
  today   date := statehouse.rule_today(c);
  whole   jsonb;
  unknown text[];
  made    jsonb;
begin
  perform statehouse.take_lock(c.tenant, md5(target::text)::uuid);
  if jsonb_typeof(given) is distinct from 'object' or octet_length(given::text) > 8192 then
    perform statehouse.refuse('SH6513', 'a row is an object of its columns, of at most 8 KiB', '{}', 'send the matched columns, the values, `valid_from` and `source`');
  end if;
  unknown := array(
    select k from jsonb_object_keys(given) k
    except select a.attname::text from pg_catalog.pg_attribute a
            where a.attrelid = target and a.attnum > 0 and not a.attisdropped and a.attname not in ('tenant', 'market') order by 1);
  if unknown <> '{}' then
    perform statehouse.refuse('SH6513', format('`%s` has no column to give named %s', name, array_to_string(unknown, ', ')),
      jsonb_build_object('unknown', to_jsonb(unknown)), 'leave it out, or correct its name');
  end if;
  -- Through the table's own types, so that what is compared is what will be stored.
  execute format('select to_jsonb("Row") from jsonb_populate_record(null::%s, $1) "Row"', target) into whole
    using jsonb_build_object('checked_on', today) || given || jsonb_build_object('tenant', c.tenant, 'market', null);
  if whole ->> 'valid_from' is null then
    perform statehouse.refuse('SH6513', 'a row says from which day it holds', '{}', 'send `valid_from`');
  end if;
  if (whole ->> 'valid_from')::date < today then
    perform statehouse.refuse('SH6512', format('a row cannot hold before today, %s', today), jsonb_build_object('today', today), 'let it hold from today or later');
  end if;
  perform statehouse.check_rule_alone(c, target, whole, null);
  execute format('insert into %1$s as "Row" select (jsonb_populate_record(null::%1$s, $1)).* returning to_jsonb("Row")', target)
    into made using whole;
  perform statehouse.note(c, 'rule_added', null, jsonb_build_object('table', name, 'row', made - 'tenant'));
  return statehouse.rule_of(made, today, statehouse.rule_decimals(target));
end $$;
comment on function statehouse.add_rule(text, jsonb) is 'A row of the caller''s own tenant, from today or later; asks for `rules.edit`';

create function statehouse.own_rule(c statehouse.context, target regclass, wanted uuid) returns jsonb
  language plpgsql
as $$
declare
  found_row jsonb;
begin
  execute format('select x.said from (select to_jsonb("Row") as said from %s "Row" where tenant = $1) x where (statehouse.rule_of(x.said, $3, ''{}'')).id = $2', target)
    into found_row using c.tenant, wanted, statehouse.rule_today(c);
  if found_row is null then
    perform statehouse.refuse('SH1002', 'there is no such row of your own', '{}', 'list the rows; those of the app and the market are not yours to change');
  end if;
  return found_row;
end $$;
comment on function statehouse.own_rule(statehouse.context, regclass, uuid) is 'A row of the caller''s own tenant; refuses one that is not there';

create function statehouse.end_rule(name text, id uuid, valid_to date) returns statehouse.rule
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c      statehouse.context := statehouse.admit('rules.edit');
  target regclass := statehouse.rule_table(c, name);
  today  date := statehouse.rule_today(c);
  before jsonb;
  after  jsonb;
begin
  perform statehouse.take_lock(c.tenant, md5(target::text)::uuid);
  before := statehouse.own_rule(c, target, id);
  if (before ->> 'valid_to')::date <= today or valid_to < today then
    perform statehouse.refuse('SH6512', 'what held before today stays as it was', jsonb_build_object('today', today), 'let it end today or later');
  end if;
  after := before || jsonb_build_object('valid_to', valid_to);
  perform statehouse.check_rule_alone(c, target, after, id);
  execute format('update %s "Row" set valid_to = $1 where to_jsonb("Row") = $2', target) using valid_to, before;
  perform statehouse.note(c, 'rule_ended', null, jsonb_build_object('table', name, 'row', before - 'tenant', 'valid_to', valid_to));
  return statehouse.rule_of(after, today, statehouse.rule_decimals(target));
end $$;
comment on function statehouse.end_rule(text, uuid, date) is 'Says until when a row of the caller''s own holds; null for an open end; asks for `rules.edit`';

create function statehouse.drop_rule(name text, id uuid) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c      statehouse.context := statehouse.admit('rules.edit');
  target regclass := statehouse.rule_table(c, name);
  before jsonb;
begin
  perform statehouse.take_lock(c.tenant, md5(target::text)::uuid);
  before := statehouse.own_rule(c, target, id);
  if (before ->> 'valid_from')::date <= statehouse.rule_today(c) then
    perform statehouse.refuse('SH6512', 'this row holds or held, so it stays', '{}', 'say when it ends instead');
  end if;
  execute format('delete from %s "Row" where to_jsonb("Row") = $1', target) using before;
  perform statehouse.note(c, 'rule_dropped', null, jsonb_build_object('table', name, 'row', before - 'tenant'));
end $$;
comment on function statehouse.drop_rule(text, uuid) is 'Takes back a row of the caller''s own that does not hold yet; asks for `rules.edit`';

grant execute on function statehouse.rules(text), statehouse.add_rule(text, jsonb), statehouse.end_rule(text, uuid, date), statehouse.drop_rule(text, uuid)
  to statehouse_api;
