-- Lends one slot; by slot_due.
select s.tenant, s.app, s.schedule, s.slot, s.attempt, s.cursor from statehouse.claim_slot($1, $2, make_interval(secs => $3)) s
