-- Gives access to a tenant back, by tenant_pkey.
update statehouse.tenant set suspended_at = null where tenant = $1 and erased_at is null and suspended_at is not null
