-- Orders by tenant and state.
select t.slug, o.state, count(*) from orders."order" o join statehouse.tenant t on t.tenant = o.tenant group by 1, 2 order by 1, 2
