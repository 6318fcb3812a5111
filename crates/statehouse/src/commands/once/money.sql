-- What was sold and paid, by tenant.
select t.slug, count(*), sum(o.net), sum(o.vat), sum(o.gross), sum(o.paid)
  from orders."order" o join statehouse.tenant t on t.tenant = o.tenant where o.state = 'closed' group by 1 order by 1
