-- Every tenant by number; all of tenant_pkey.
select t.tenant, t.slug from statehouse.tenant t order by t.tenant
