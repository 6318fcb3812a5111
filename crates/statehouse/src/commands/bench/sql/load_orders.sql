-- A block of orders; blocks are small because the counter of references is one row, rewritten by each of them.
insert into orders."order" (client, rep, title, priority, requested_on, ship_to, incoterm, currency, priced_on, discount_pct,
                            deposit, paid, tracking, valid_until, note, state)
select clients.ids[1 + g % 50], (select m.member from statehouse.membership m where m.role = 'rep' limit 1),
       'Leaflets and brake discs, order ' || g, 'normal', current_date + 14, 'Skútuvogur ' || g % 40 || ', 104 Reykjavík',
       'DAP', 'ISK', current_date, 3, 10000, 0, '1Z999AA1' || lpad(g::text, 10, '0'), now() + interval '14 days',
       'Deliver to the back door', $3::text
  from generate_series($1::int, $2::int) g, (select array_agg(c.id) as ids from orders.client c) clients
