-- Ends a session that was lent; by session_pkey.
update statehouse.session set revoked_at = now() where token_hash = sha256(convert_to($1, 'UTF8'))
