-- Takes up effects whose lease ran out; by effect_leased.
select r.tenant, r.record, r.seq, r.n, r.became from statehouse.recover_effects($1, coalesce($2, '-infinity'::timestamptz), $3) r
