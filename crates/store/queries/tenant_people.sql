-- People who ever belonged to a tenant and to no other; by tenant_member_pkey.
select m.member from statehouse.tenant_member m
 where m.tenant = $1 and not exists (select from statehouse.tenant_member o where o.member = m.member and o.tenant <> $1)
