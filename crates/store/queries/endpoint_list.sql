-- The addresses of the caller's tenant; by endpoint_pkey.
select to_json(e) from statehouse.endpoints() e
