-- Who belongs to a tenant, and in which role; by membership_pkey.
select jsonb_build_object('id', m.member, 'name', coalesce(t.name, p.name), 'email', p.email, 'app', m.app, 'role', m.role,
         'extra', m.extra, 'revoked', m.revoked)::text
  from statehouse.membership m
  join statehouse.member p on p.member = m.member
  join statehouse.tenant_member t on t.tenant = m.tenant and t.member = m.member
 where m.tenant = $1
 order by m.member, m.app
