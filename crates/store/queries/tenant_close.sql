-- Begins the erasure of a tenant, by tenant_pkey: nobody is let in from here on, and its rows may be deleted.
update statehouse.tenant
   set suspended_at = coalesce(suspended_at, now()), erased_at = coalesce(erased_at, now()), audit_root = coalesce(audit_root, $2), name = '', market = null
 where tenant = $1
