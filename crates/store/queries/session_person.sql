-- Whom the connection's session stands for; by session_pkey and member_pkey.
select c.tenant, c.role, c.capabilities, t.slug as tenant_slug, p.name
  from statehouse.ctx() c
  join statehouse.tenant t on t.tenant = c.tenant
  join statehouse.member p on p.member = c.actor
