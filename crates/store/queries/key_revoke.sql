-- Keys of one label stop working; api_key is read whole, rarely and by an administrator.
update statehouse.api_key k set revoked_at = now() where k.app = $1 and k.label = $2 and k.revoked_at is null
