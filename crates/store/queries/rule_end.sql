-- Until when a row of the caller's own holds.
select to_json(r) from statehouse.end_rule($1, $2, $3::text::date) r
