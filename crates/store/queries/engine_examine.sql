-- Months ahead, strays, and how much is due, by effect_due and timer_due.
select (select count(*) from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'statehouse.event'::regclass
          and c.relname between 'event_' || to_char(now() at time zone 'UTC', 'YYYYMM') and 'event_999999') as months,
       exists (select from statehouse.event_other) as strays,
       (select count(*) from statehouse.effect e where e.state = 'due' and e.due_at <= now()) as effects,
       (select count(*) from statehouse.timer t where t.due_at <= now()) as timers
