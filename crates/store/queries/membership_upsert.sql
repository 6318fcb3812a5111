-- One role per person, tenant and app, by the key of membership.
insert into statehouse.membership (tenant, member, app, role, extra, revoked) values ($1, $2, $3, $4, $5, $6)
on conflict (tenant, member, app) do update set role = excluded.role, extra = excluded.extra, revoked = excluded.revoked
