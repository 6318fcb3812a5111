-- Roles the definition no longer has may do nothing any more, by the key of role_preset.
delete from statehouse.role_preset p where p.app = $1 and p.role <> all ($2)
