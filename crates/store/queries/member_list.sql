-- The members of a tenant who have an e-mail; by membership_pkey.
select lower(p.email), p.member
  from statehouse.membership m
  join statehouse.member p on p.member = m.member
 where m.tenant = $1 and m.app = $2 and p.email is not null
