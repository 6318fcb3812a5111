-- What each salesperson earned line by line.
select t.slug, m.name, count(*), sum(o.net), sum(o.commission)
  from orders."order" o join statehouse.tenant t on t.tenant = o.tenant join statehouse.member m on m.member = o.rep
 where o.state = 'closed' group by 1, 2 order by 1, 2
