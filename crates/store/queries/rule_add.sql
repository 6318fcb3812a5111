-- A row of the caller's own in a rule table.
select to_json(r) from statehouse.add_rule($1, $2) r
