-- Memberships of the person meant by an e-mail, a name or an id; membership is read whole.
select m.tenant, m.member, t.slug as tenant_slug
  from statehouse.membership m
  join statehouse.tenant t on t.tenant = m.tenant
  join statehouse.member p on p.member = m.member
 where m.app = $1 and (p.email = lower($2) or p.name = $2 or p.member::text = $2) and (t.slug = $3::text or $3 is null)
 order by t.slug
 limit 20
