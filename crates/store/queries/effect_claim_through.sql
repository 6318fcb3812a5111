-- Lends due effects that go out through another connector than their own; by effect_lane, gate by gate.
select c.* from statehouse.claim_through($1, $2, $3, make_interval(secs => $4)) c order by c.due_at, c.tenant, c.record, c.seq, c.n
