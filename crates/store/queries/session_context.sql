-- What the connection's session stands for; by session_pkey. A statement of its own: it must see the row that entering wrote.
select c.tenant, c.actor, c.role, c.kind, c.app from statehouse.ctx() c
