-- Writes down that a time of a schedule has come; by slot_pkey.
select statehouse.open_slot($1, $2, $3, $4, $5)
