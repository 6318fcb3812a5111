-- A session for one record of a form; counts the address and all together. By tenant_slug_unique and form_count_pkey.
select statehouse.form_enter($1, $2, $3, $4, $5)
