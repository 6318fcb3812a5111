-- A session of the engine itself for a tenant, suspended or not, made by the administrator.
insert into statehouse.session (token_hash, tenant, actor, role, kind, app, expires)
values (sha256(convert_to($1, 'UTF8')), $2, '00000000-0000-0000-0000-000000000000', 'system', 'system', $3, now() + interval '1 day')
