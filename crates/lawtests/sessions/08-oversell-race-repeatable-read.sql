--- B
\set SHOW_CONTEXT never
select statehouse.enter('key-hall-nordur-clerk-2') \gset
begin isolation level repeatable read;
select reference, seats, state from hall_clerk.booking where reference = 'B-0007';
--- A
select statehouse.enter('key-hall-nordur-clerk-1') \gset
update hall_clerk.booking set fire = 'hold' where reference = 'B-0006' returning reference, seats, state;
--- B
update hall_clerk.booking set fire = 'hold' where reference = 'B-0007';
\echo :LAST_ERROR_SQLSTATE
rollback;
update hall_clerk.booking set fire = 'hold' where reference = 'B-0007';
