-- What each member should see, told from the tables by the rules of the roles in words of its own.
select t.slug, p.email, o.state, count(*)
  from statehouse.membership m
  join statehouse.tenant t on t.tenant = m.tenant
  join statehouse.member p on p.member = m.member
  join orders."order" o on o.tenant = m.tenant
  join orders.client c on c.tenant = o.tenant and c.id = o.client
 where m.app = 'orders'
   and case m.role
         when 'admin' then true
         when 'rep' then o.rep = m.member
         when 'client' then c.login = m.member
         when 'ops' then o.state not in ('inquiry', 'quoting', 'quoted', 'accepted')
         when 'broker' then o.state in ('shipped', 'customs', 'out_for_delivery')
       end
 group by 1, 2, 3
