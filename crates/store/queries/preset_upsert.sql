-- What a role may do, by the key of role_preset.
insert into statehouse.role_preset (app, role, capabilities) values ($1, $2, $3)
on conflict (app, role) do update set capabilities = excluded.capabilities
