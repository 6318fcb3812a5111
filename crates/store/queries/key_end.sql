-- The end of a key, by api_key_id_unique.
select statehouse.revoke_key($1)
