-- The members of the caller's tenant, by membership_pkey.
select to_json(m) from statehouse.members($1, $2) m
