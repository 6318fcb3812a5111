-- A tenant by its slug, by tenant_slug_unique.
insert into statehouse.tenant (slug, name, market) values ($1, $2, $3)
on conflict (slug) do update set name = excluded.name, market = excluded.market
returning tenant
