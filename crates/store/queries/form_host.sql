-- Whose form this is; by tenant_slug_unique.
select statehouse.form_host($1, $2, $3)
