-- Members of a tenant in one of the roles, or holding one of the capabilities; by membership_pkey.
select p.name, m.role
  from statehouse.membership m
  join statehouse.member p on p.member = m.member
 where m.app = $1 and m.tenant = $2
   and (m.role = any ($3) or statehouse.effective_capabilities(m) && $4::text[])
 order by m.role, p.name
 limit 200
