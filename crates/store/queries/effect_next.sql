-- How long until something of these connectors may go out, in seconds: when it is due and its gate lets it. One row a gate, by effect_lane.
select extract(epoch from min(greatest(
         e.due_at, g.blocked_until, case g.state when 'open' then g.open_until when 'probing' then g.probe_until end,
         g.filled_at + make_interval(secs => (greatest(1 - g.tokens, 0) / nullif(k.per_second, 0))::float8))) - statehouse.now())::float8 as wait
  from jsonb_to_recordset($1) as k (app text, connector text, per_second numeric)
  join statehouse.gate g on g.app = k.app and g.connector = k.connector
 cross join lateral (
   select f.due_at from statehouse.effect f
    where f.tenant = g.tenant and f.app = g.app and f.connector = g.connector and f.state = 'due' and f.due_at >= g.floor and f.through is null
    order by f.due_at limit 1) e
