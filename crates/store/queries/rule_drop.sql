-- Takes back a row of the caller's own that does not hold yet.
select statehouse.drop_rule($1, $2)
