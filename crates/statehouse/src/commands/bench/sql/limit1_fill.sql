-- As many rows as there are orders, of about their width.
insert into limit1.entity
select 1, g, 'a', 1, jsonb_build_object('x', repeat('x', 300)) from generate_series(1, $1) g
