-- Neighbouring orders, $3 in a batch; the first batch has the number $4.
insert into bench.batch
select $4::int + (o.number - $1::bigint)::int / $3::int, array_agg(o.id order by o.id),
       array_agg('bench-0190b5e2-7d2c-7bb0-a1c5-' || lpad(o.number::text, 12, '0') || '-' || $5::text order by o.id)
  from orders."order" o
 where o.number between $1::bigint and $2::bigint
 group by 1
