-- What the administrator of the database changed.
insert into statehouse.admin_event (tenant, actor, what, about) values ($1, '00000000-0000-0000-0000-000000000000', $2, $3)
