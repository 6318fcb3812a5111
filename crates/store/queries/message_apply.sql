-- Fires what a message means and says what became of it, in one transaction; by message_pkey and the field its record is found by.
select a.state, a.code, a.record, a.stands, a.version
  from statehouse.apply_message($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, make_interval(secs => $12), $13, $14) a
