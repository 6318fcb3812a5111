-- The settings a door of the kind `import` writes: records enter in the middle of their life, effects stay unsent.
select set_config('statehouse.tenant', $1::text, false),
       set_config('statehouse.actor', '00000000-0000-0000-0000-000000000000', false),
       set_config('statehouse.role', 'system', false),
       set_config('statehouse.kind', 'import', false),
       set_config('statehouse.capabilities', '{}', false),
       set_config('statehouse.cause', '', false),
       set_config('statehouse.depth', '0', false)
