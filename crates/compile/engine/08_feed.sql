-- The feed: events in the order (xid, n), and only those below which nothing can still appear.
--
-- A number taken by an event says nothing about when it is committed: 8 may be seen before 7. So the place in the feed
-- is the writing transaction's id, and what may be served ends where the oldest transaction that still runs begins.

-- One entity of one tenant, in the order of the feed. A partition made later gets its own; a new event lands at the
-- right edge of its range.
create index event_feed on statehouse.event (tenant, entity, xid, n);
comment on index statehouse.event_feed is 'The feed of one entity of one tenant; every history view is read by it from a cursor on';

insert into statehouse.setting values ('feed_floor', '0');   -- raised by whoever takes old partitions away

create function statehouse.feed_horizon() returns xid8
  language sql stable parallel restricted
  return pg_snapshot_xmin(pg_current_snapshot());
comment on function statehouse.feed_horizon() is 'The oldest transaction that still runs anywhere on the server: below it nothing can appear any more';

-- Between floor and ceiling a cursor means something here: below, history is gone; above, it is of another database.
create function statehouse.feed_window() returns table (floor xid8, horizon xid8, ceiling xid8)
  language plpgsql stable security definer parallel restricted
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform statehouse.ctx();
  return query
    select (select s.value::xid8 from statehouse.setting s where s.name = 'feed_floor'),
           statehouse.feed_horizon(), pg_snapshot_xmax(pg_current_snapshot());
end $$;
comment on function statehouse.feed_window() is 'Where a cursor may stand: kept history begins at the floor, is served below the horizon, and nothing is at or above the ceiling';

-- How far one page goes. Whoever sees one record in a thousand would otherwise read a tenant's whole history to fill a
-- page; so a page is a stretch of the feed, however little of it the caller sees. The end stands in two settings for the
-- statement that follows; it is a bound and no proof, the views decide what is seen.
create function statehouse.feed_stretch(entities text[], after_xid xid8, after_n bigint, places_max int)
  returns table (xid xid8, n bigint, more boolean)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c       constant statehouse.context := statehouse.ctx();
  horizon constant xid8 := statehouse.feed_horizon();
  asked   text;
  last    record;
begin
  if cardinality(entities) > 1000 or places_max > 1000 then
    perform statehouse.refuse('SH8002', 'the page is too long', '{}', 'ask for at most 1000 places of at most 1000 entities');
  end if;
  xid := greatest(horizon, after_xid); n := 0; more := false;
  perform set_config('statehouse.tenant', c.tenant::text, true);
  foreach asked in array entities loop
    -- How far a feed goes that the caller's role has no view of is not the caller's to know.
    continue when to_regclass(format('%I.%I', c.app || '_' || c.role, asked || '_history')) is null;
    select e.xid, e.n into last from statehouse.event e
     where e.tenant = c.tenant and e.entity = c.app || '.' || asked
       and (e.xid, e.n) > (after_xid, after_n) and e.xid < horizon
     order by e.xid, e.n offset places_max - 1 limit 1;
    if found and (last.xid, last.n) < (xid, n) then
      xid := last.xid; n := last.n; more := true;
    end if;
  end loop;
  perform set_config('statehouse.tenant', '', true),
          set_config('statehouse.feed_xid', xid::text, true), set_config('statehouse.feed_n', n::text, true);
  return next;
end $$;
comment on function statehouse.feed_stretch(text[], xid8, bigint, int) is
  'The end of the next stretch of the caller''s feed: at most so many events of each entity, and nothing at or above the horizon';

-- One tail for all readers of a process: where each entity's feed ends. Places only, no record and no payload, because
-- nobody's sight is asked here; who is woken by it reads through his own views.
create function statehouse.feed_newest(tenants int[], entities text[])
  returns table (horizon xid8, ceiling xid8, tenant int, entity text, xid xid8, n bigint)
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  below constant xid8 := statehouse.feed_horizon();
  above constant xid8 := pg_snapshot_xmax(pg_current_snapshot());
  asked record;
begin
  if cardinality(tenants) > 1000 or cardinality(tenants) is distinct from cardinality(entities) then
    perform statehouse.refuse('SH8002', 'the tail is asked for too much at once', '{}', 'ask for at most 1000 pairs of tenant and entity');
  end if;
  return query select below, above, null::int, null::text, null::xid8, null::bigint;
  for asked in select * from unnest(tenants, entities) as a (tenant, entity) loop
    perform set_config('statehouse.tenant', asked.tenant::text, true);
    return query
      select below, above, e.tenant, e.entity, e.xid, e.n from statehouse.event e
       where e.tenant = asked.tenant and e.entity = asked.entity and e.xid < below
       order by e.xid desc, e.n desc limit 1;
  end loop;
  perform set_config('statehouse.tenant', '', true);
end $$;
comment on function statehouse.feed_newest(int[], text[]) is
  'The horizon, and the newest served place per tenant and entity; a first row carries the horizon alone';

-- Of a month that has just begun the planner knows nothing: it takes one index for as good as the other, and reads a page
-- of the feed by the key of the table, past everything that happened before. Autovacuum would tell it within minutes.
create function statehouse.feed_weigh() returns int
  language plpgsql volatile security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  part  regclass;
  count int := 0;
begin
  for part in
    select c.oid from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'statehouse.event'::regclass
       and pg_relation_size(c.oid) / current_setting('block_size')::int > 2 * greatest(c.relpages, 4)
  loop
    execute format('analyze (skip_locked) %s', part);
    count := count + 1;
  end loop;
  return count;
end $$;
comment on function statehouse.feed_weigh() is 'Lets the planner look at those months of events that have doubled since it last did; how many';

grant execute on function statehouse.feed_weigh() to statehouse_server;
grant execute on function statehouse.feed_horizon(), statehouse.feed_window(), statehouse.feed_stretch(text[], xid8, bigint, int) to statehouse_api, statehouse_read;
grant execute on function statehouse.feed_newest(int[], text[]) to statehouse_server;
