-- Tells a gate how its calls went; by gate_pkey.
select statehouse.report_gate($1, $2, $3, $4, $5, make_interval(secs => $6), $7, make_interval(secs => $8))
