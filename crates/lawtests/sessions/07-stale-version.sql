--- as statehouse_api
\set SHOW_CONTEXT never
select statehouse.enter('key-hall-nordur-admin-1') \gset
update hall_admin.booking set seats = 25 where reference = 'B-0001' returning reference, seats, version;
select statehouse.enter('key-hall-nordur-clerk-1') \gset
update hall_clerk.booking set fire = 'hold', version = 1 where reference = 'B-0001';
\echo :LAST_ERROR_SQLSTATE
update hall_clerk.booking set fire = 'hold', version = 2, key = 'hold-1' where reference = 'B-0001' returning state, version;
update hall_clerk.booking set fire = 'hold', key = 'hold-1' where reference = 'B-0001' returning state, version;
update hall_clerk.booking set fire = 'confirm', key = 'hold-1' where reference = 'B-0001';
