-- Timers that are due by the database's clock, earliest first; by timer_due.
select t.tenant, t.entity, t.record, t.verb from statehouse.timer t where t.due_at <= statehouse.now() order by t.due_at, t.record limit 10000
