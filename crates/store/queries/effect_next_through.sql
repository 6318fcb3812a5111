-- How long until something may go out through another connector, in seconds: when it is due and the other's gate lets it. One row a gate, by effect_lane.
select extract(epoch from min(greatest(
         e.due_at, g.blocked_until, case g.state when 'open' then g.open_until when 'probing' then g.probe_until end,
         g.filled_at + make_interval(secs => (greatest(1 - g.tokens, 0) / nullif(k.per_second, 0))::float8))) - statehouse.now())::float8 as wait
  from jsonb_to_recordset($1) as k (app text, connector text, through text, per_second numeric)
  join statehouse.gate o on o.app = k.app and o.connector = k.connector
  join statehouse.gate g on g.tenant = o.tenant and g.app = k.app and g.connector = k.through
 cross join lateral (
   select f.due_at from statehouse.effect f
    where f.tenant = o.tenant and f.app = o.app and f.connector = o.connector and f.state = 'due'
      and (f.through is not null or not f.doubt and case o.state when 'open' then o.open_until when 'probing' then o.probe_until end > statehouse.now())
    order by f.due_at limit 1) e
