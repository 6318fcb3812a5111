-- Whose golden orders these are, and the month in which all of them were closed.
select o.rep, date_trunc('month', min(o.closed_on))::date
  from orders."order" o
  join statehouse.tenant t on t.tenant = o.tenant and t.slug = 'baltyk'
  join statehouse.member m on m.member = o.rep and m.email = 'tomasz.wieczorek@nordur.example'
 where o.state = 'closed'
 group by o.rep
having date_trunc('month', min(o.closed_on)) = date_trunc('month', max(o.closed_on))
