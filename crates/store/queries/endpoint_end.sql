-- Ends an address, by the administrator; one of few rows.
update statehouse.endpoint set revoked_at = statehouse.now() where id = $1 and revoked_at is null
