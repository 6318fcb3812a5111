-- Every imported order, with what decides its way.
select o.id, t.slug, rep.email, login.email, o.gross, bool_or(l.imported), bool_or(l.vertical = 'print'), bool_and(l.vertical = 'print'), o.reference
  from orders."order" o
  join statehouse.tenant t on t.tenant = o.tenant
  join statehouse.member rep on rep.member = o.rep
  join orders.client c on c.tenant = o.tenant and c.id = o.client
  left join statehouse.member login on login.member = c.login
  join orders.order_lines l on l.tenant = o.tenant and l."order" = o.id
 group by o.tenant, o.id, o.number, o.reference, t.slug, rep.email, login.email, o.gross
 order by o.tenant, o.number
