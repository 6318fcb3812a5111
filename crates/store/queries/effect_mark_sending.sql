-- Writes down the one send of effects of class N; by effect_pkey.
select h.tenant, h.record, h.seq, h.n, h.attempt from statehouse.mark_sending($1, $2) b,
  lateral jsonb_to_recordset(b) as h (tenant int, record uuid, seq int, n int, attempt int)
