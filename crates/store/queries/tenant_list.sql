-- Every tenant, by the key of tenant.
select t.tenant from statehouse.tenant t order by t.tenant limit 1000000
