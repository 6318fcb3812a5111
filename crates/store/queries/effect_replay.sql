-- Makes effects due again; by effect_pkey.
select r.record, r.seq, r.n, r.due from statehouse.replay_effects($1) r
