-- Ends an address of the caller's tenant; by endpoint_pkey.
select to_json(statehouse.revoke_endpoint($1))
