-- Another name for the caller's tenant, by tenant_pkey.
select statehouse.rename_tenant($1)
