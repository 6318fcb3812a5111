-- The gates of the caller's tenant and app; by gate_pkey and effect_lane.
select g.connector, g.state, g.failures, g.opened_at, g.open_until, g.blocked_until, g.due, g.oldest_due_at from statehouse.gates() g
