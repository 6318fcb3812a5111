-- A tenant by its slug; by tenant_slug_unique.
select t.tenant from statehouse.tenant t where t.slug = $1
