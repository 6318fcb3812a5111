-- Makes the gates that are missing; by gate_pkey.
select statehouse.open_gates($1, $2)
