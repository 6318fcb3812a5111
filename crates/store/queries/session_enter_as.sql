-- A session of the engine itself, for this connection; by tenant_pkey.
select statehouse.enter_as($1, $2, $3)
