-- What the law of the tables asks of whoever changes a row, for this connection; no index.
select set_config('statehouse.tenant', $1::int::text, false), set_config('statehouse.kind', 'migration', false), set_config('statehouse.role', 'system', false),
       set_config('statehouse.actor', '00000000-0000-0000-0000-000000000000', false), set_config('statehouse.capabilities', '{}', false)
