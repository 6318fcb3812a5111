-- The rows of a rule table that may hold for the caller's tenant; reads the whole table, which is short.
select to_json(r) from statehouse.rules($1) r
