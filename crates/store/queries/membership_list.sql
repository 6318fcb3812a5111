-- Everybody who may enter an app, with the words a person knows them by; membership is read whole.
select m.tenant, m.member, t.slug, coalesce(p.email, p.name), m.role
from statehouse.membership m
join statehouse.tenant t on t.tenant = m.tenant
join statehouse.member p on p.member = m.member
where m.app = $1
order by m.tenant, m.member
limit 10000
