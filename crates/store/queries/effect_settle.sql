-- Writes down what became of effects; by effect_pkey.
select h.tenant, h.record, h.seq, h.n, h.attempt from statehouse.settle_effects($1, $2) s,
  lateral jsonb_to_recordset(s) as h (tenant int, record uuid, seq int, n int, attempt int)
