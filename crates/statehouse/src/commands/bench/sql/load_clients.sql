-- Fifty clients share the orders.
insert into orders.client (name, lang, phone, credit_limit)
select 'Client ' || g, 'is', '+35455501' || g, 1000000 from generate_series(10, 59) g
