-- Exchanges an API key for a session of this connection; by api_key_pkey.
select statehouse.enter($1)
