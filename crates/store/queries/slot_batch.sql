-- Fires a schedule's verb on the next of its records; by slot_pkey and the keys of the records.
select b.held, b.moved, b.refused, b.finished
  from statehouse.slot_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, make_interval(secs => $10)) b
