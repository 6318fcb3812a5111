-- The root of a tenant's audit, once it is erased; by tenant_pkey.
select audit_root from statehouse.tenant where tenant = $1
