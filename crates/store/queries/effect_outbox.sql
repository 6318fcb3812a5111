-- A page of what the caller's tenant owes; by effect_listed.
select o.record, o.seq, o.n, o.entity, o.verb, o.connector, o.action, o.class, o.call, o.state, o.due_at, o.attempt, o.doubt, o.code, o.tried, o.finished_at
  from statehouse.outbox($1, $2, $3, $4, $5, $6) o
