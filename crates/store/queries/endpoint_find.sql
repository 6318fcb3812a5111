-- Whom an address belongs to; by endpoint_token_unique.
select e.tenant, e.slug, e.app, e.source, e.account from statehouse.endpoint_of($1) e
