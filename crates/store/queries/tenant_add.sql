-- A new tenant; its limits come by a trigger.
insert into statehouse.tenant (slug, name, market) values ($1, $2, $3)
