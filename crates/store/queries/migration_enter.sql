-- Opens the door of one tenant for a change of the definition; the owner alone may. No table is read.
select statehouse.open_door(row(0, $1::int, '00000000-0000-0000-0000-000000000000'::uuid, 'system', 'migration', $2::text, '{}'::text[], null)::statehouse.context)
