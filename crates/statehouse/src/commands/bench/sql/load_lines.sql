-- Two lines each for a block of orders: the guard of `dispatch` looks at them.
insert into orders.order_lines ("order", position, vertical, description, quantity, imported)
select o.id, p, 'print', 'Leaflets A5', 250, false
  from orders."order" o, generate_series(1, 2) p
 where o.number between $1::bigint and $2::bigint
