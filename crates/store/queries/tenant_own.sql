-- The caller's tenant; by tenant_pkey.
select statehouse.my_tenant()
