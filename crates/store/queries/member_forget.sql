-- Forgets people who belong nowhere any more, and their sign-ins; by member_pkey.
with gone as (
  delete from statehouse.member p
   where p.member = any ($1) and not exists (select from statehouse.tenant_member t where t.member = p.member)
  returning p.member
), asked as (
  delete from statehouse.sign_in s where s.member = any ($1)
)
select count(*) from gone
