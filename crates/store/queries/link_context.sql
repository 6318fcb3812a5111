-- What the connection's session of a link stands for; by session_pkey. A statement of its own: it must see the row that entering wrote.
select c.tenant, c.actor, c.role, c.kind, c.app, c.record, substr(c.capabilities[1], length('link.') + 1) as purpose, statehouse.host() as host
  from statehouse.ctx() c
