-- A session of one minute for a member, made by the administrator; by membership_pkey.
insert into statehouse.session (token_hash, tenant, actor, role, kind, app, capabilities, expires)
select sha256(convert_to($1, 'UTF8')), m.tenant, m.member, m.role, 'member', m.app, statehouse.effective_capabilities(m), now() + interval '1 minute'
  from statehouse.membership m
 where m.tenant = $2 and m.member = $3 and m.app = $4
