-- How much waits, and for how long: what whoever watches an installation asks every few seconds, so it is bounded. Beyond
-- ten thousand of one kind in one tenant nobody needs the exact number; each is found by the index that its worker uses.

create type statehouse.queue as (kind text, app text, name text, state text, count bigint, oldest_s float8);
comment on type statehouse.queue is 'So many of a kind in a state, over all tenants, and the age of the oldest: of what is due since when it is, of the rest since when it came';

create function statehouse.queues_of(here int, apps text[], now_ timestamptz) returns setof statehouse.queue
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  epoch_ constant int := statehouse.epoch();
begin
  return query
  -- What is due, gate by gate: by effect_lane.
  select 'effect', g.app, g.connector, 'due', w.count, extract(epoch from now_ - w.oldest)::float8
    from statehouse.gate g
   cross join lateral (
     select count(*) as count, min(d.due_at) as oldest
       from (select e.due_at from statehouse.effect e
              where e.tenant = here and e.app = g.app and e.connector = g.connector and e.state = 'due'
              order by e.due_at limit 10000) d) w
   where g.tenant = here and w.count > 0
  union all
  -- What somebody has, or has to look at: by effect_listed.
  select 'effect', a.app, w.connector, w.state, count(*), extract(epoch from now_ - min(w.due_at))::float8
    from unnest(apps) as a (app)
   cross join unnest(array['leased', 'unknown', 'held', 'dead']) as s (state)
   cross join lateral (
     select e.connector, e.state, e.due_at from statehouse.effect e
      where e.tenant = here and e.app = a.app and e.state = s.state
      order by e.due_at limit 10000) w
   group by a.app, w.connector, w.state
  union all
  select 'gate', g.app, g.connector, g.state, 1, extract(epoch from now_ - g.opened_at)::float8
    from statehouse.gate g
   where g.tenant = here and g.state <> 'closed'
  union all
  -- By message_due and message_stuck.
  select 'message', w.app, w.source, w.state, count(*),
         extract(epoch from now_ - min(case w.state when 'due' then w.due_at else w.received_at end))::float8
    from ((select m.app, m.source, m.state, m.due_at, m.received_at from statehouse.message m
            where m.tenant = here and m.epoch = epoch_ and m.state in ('due', 'waiting')
            order by m.due_at limit 10000)
          union all
          (select m.app, m.source, 'held', m.due_at, m.received_at from statehouse.message m
            where m.tenant = here and m.epoch < epoch_ and m.state in ('due', 'waiting')
            limit 10000)
          union all
          (select m.app, m.source, m.state, m.due_at, m.received_at from statehouse.message m
            where m.tenant = here and m.state in ('late', 'quarantined', 'conflict', 'dead') and m.code is distinct from 'SH7123'
            order by m.id desc limit 10000)) w
   group by w.app, w.source, w.state
  union all
  -- By delivery_lane.
  select 'delivery', o.app, '', w.state, sum(w.count)::bigint, extract(epoch from now_ - min(w.oldest))::float8
    from statehouse.subscription o
   cross join lateral (
     select d.state, count(*) as count, min(d.due_at) as oldest
       from ((select 'due' as state, l.due_at from statehouse.delivery l
               where l.tenant = here and l.subscription = o.id and l.state = 'due' and l.epoch = epoch_
               order by l.due_at limit 10000)
             union all
             (select 'held', l.due_at from statehouse.delivery l
               where l.tenant = here and l.subscription = o.id and l.state = 'due' and l.epoch < epoch_
               limit 10000)) d
      group by d.state) w
   where o.tenant = here
   group by o.app, w.state
  union all
  -- Sources and schedules that a restore holds: as many as there are inboxes and schedules.
  select 'source', p.app, p.source, 'held', 1, extract(epoch from now_ - p.due_at)::float8
    from statehouse.poll p
   where p.tenant = here and p.epoch < epoch_
  union all
  select 'schedule', k.app, k.schedule, 'held', 1, extract(epoch from now_ - k.slot)::float8
    from statehouse.held_schedules(here, epoch_) k;
end $$;
comment on function statehouse.queues_of(int, text[], timestamptz) is 'What waits in one tenant whose door is open; callable by the owner only';

create function statehouse.queues() returns setof statehouse.queue
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  now_   constant timestamptz := statehouse.now();
  epoch_ constant int := statehouse.epoch();
  apps   constant text[] := array(select distinct d.app from statehouse.definition d);
  all_   statehouse.queue[] := '{}';
  here   int;
begin
  for here in select t.tenant from statehouse.tenant t where t.erased_at is null order by t.tenant loop
    perform set_config('statehouse.tenant', here::text, true);
    all_ := all_ || array(select q from statehouse.queues_of(here, apps, now_) q);
  end loop;
  perform set_config('statehouse.tenant', '', true);
  return query
    select q.kind, q.app, q.name, q.state, sum(q.count)::bigint, max(q.oldest_s)
      from unnest(all_) q
     group by q.kind, q.app, q.name, q.state
    union all
    -- By timer_due.
    select 'timer', '', '', 'due', count(*), extract(epoch from now_ - min(w.due_at))::float8
      from (select coalesce(t.since, t.due_at) as due_at from statehouse.timer t
             where t.epoch = epoch_ and t.due_at <= now_ order by t.due_at limit 10000) w
    having count(*) > 0
    union all
    select 'timer', '', '', 'held', count(*), extract(epoch from now_ - min(w.due_at))::float8
      from (select t.due_at from statehouse.timer t where t.epoch < epoch_ limit 10000) w
    having count(*) > 0;
end $$;
comment on function statehouse.queues() is 'How much waits in all tenants together, and for how long; names no tenant. For the server and the worker, which ask every few seconds';

grant execute on function statehouse.queues() to statehouse_server, statehouse_worker;
