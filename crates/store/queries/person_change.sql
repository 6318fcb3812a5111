-- Another role or capabilities, by membership_pkey.
select to_json(m) from statehouse.change_member($1, $2, $3, $4) m
