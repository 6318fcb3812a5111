-- Keeps what is held; by effect_pkey.
select h.tenant, h.record, h.seq, h.n, h.attempt from statehouse.beat_effects($1, $2, make_interval(secs => $3)) b,
  lateral jsonb_to_recordset(b) as h (tenant int, record uuid, seq int, n int, attempt int)
