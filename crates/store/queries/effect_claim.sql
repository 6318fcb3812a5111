-- Lends due effects to a worker; by effect_lane, gate by gate.
select c.* from statehouse.claim_effects($1, $2, $3, make_interval(secs => $4)) c order by c.due_at, c.tenant, c.record, c.seq, c.n
