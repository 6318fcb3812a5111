-- A new address by the administrator, by its hash.
insert into statehouse.endpoint (tenant, token_hash, app, source, account) values ($1, $2::bytea, $3, $4, $5) returning id
