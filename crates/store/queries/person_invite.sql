-- A new member, by member_email_folded.
select to_json(m) from statehouse.invite($1, $2, $3, $4, $5) m
