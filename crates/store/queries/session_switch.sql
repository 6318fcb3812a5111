-- A session of the same person in another tenant, by tenant_slug_unique.
select statehouse.switch_to($1)
