-- Whether events stand where the server's transactions have not come yet, as after a dump was restored into a younger
-- server: the newest of each entity of each tenant, one look each.
with recursive own as (
  (select e.tenant, e.entity from statehouse.event e order by e.tenant, e.entity limit 1)
  union all
  select next.tenant, next.entity
    from own, lateral (select e.tenant, e.entity from statehouse.event e
                        where (e.tenant, e.entity) > (own.tenant, own.entity) order by e.tenant, e.entity limit 1) next
), newest as (
  select max(last.xid) as xid
    from own, lateral (select e.xid from statehouse.event e
                        where (e.tenant, e.entity) = (own.tenant, own.entity) order by e.xid desc, e.n desc limit 1) last
)
select coalesce(n.xid >= pg_snapshot_xmax(pg_current_snapshot()), false) as ahead,
       coalesce(n.xid::text, 'nowhere') as newest,
       pg_snapshot_xmax(pg_current_snapshot())::text as server,
       coalesce(trunc(n.xid::text::numeric / 4294967296)::bigint, 0) + 1 as epoch
  from newest n
