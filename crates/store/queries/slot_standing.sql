-- How far a schedule has come in each tenant; by slot_pkey.
select s.tenant, s.slug, s.last from statehouse.slots_standing($1, $2) s
