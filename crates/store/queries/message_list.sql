-- Messages of the caller's tenant, the newest first; by message_pkey.
select to_json(m) from statehouse.messages($1, $2, $3, $4) m
