-- A session of the engine itself, for this transaction alone; by tenant_pkey.
select statehouse.enter_for($1, $2, $3)
