-- A session of a member whom the server has verified; by member_email_folded, tenant_slug_unique and membership_pkey.
select s.token, s.tenant, s.actor, s.role, s.kind, s.app from statehouse.open_session($1, $2, $3, make_interval(secs => $4)) s
