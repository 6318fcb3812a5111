-- Ends all access to a tenant, by tenant_pkey; its sessions end by a trigger of the table.
update statehouse.tenant set suspended_at = now() where tenant = $1 and suspended_at is null
