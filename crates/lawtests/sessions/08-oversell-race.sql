--- A
select statehouse.enter('key-hall-nordur-clerk-1') \gset
begin;
update hall_clerk.booking set fire = 'hold' where reference = 'B-0006' returning reference, seats, state;
--- B
\set SHOW_CONTEXT never
select statehouse.enter('key-hall-nordur-clerk-2') \gset
--- B
update hall_clerk.booking set fire = 'hold' where reference = 'B-0007' returning reference, seats, state;
--- A
commit;
