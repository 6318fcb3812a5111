--- as statehouse_api
\set SHOW_CONTEXT never
select count(*) from hall_clerk.booking;
set statehouse.session = 'a guess';
set statehouse.tenant = '1';
set statehouse.role = 'admin';
set statehouse.actor = '00000000-0000-7000-8000-01b78130c802';
select count(*) from hall_admin.booking;
select count(*) from statehouse.session;
set role statehouse_owner;
select statehouse.enter('key-hall-baltyk-clerk-1') as baltyk \gset
select count(*) from hall_clerk.booking;
select statehouse.enter('key-hall-nordur-admin-1') as admin \gset
select statehouse.enter('key-hall-nordur-clerk-2') as clerk_2 \gset
select statehouse.enter('key-hall-nordur-clerk-1') as clerk_1 \gset
select count(*) from hall_clerk.booking;
select count(*) from hall_admin.booking;
update hall_clerk.booking set fire = 'cancel' where reference = 'B-0001' and set_config('statehouse.session', :'admin', false) is not null;
update hall_clerk.booking set fire = 'cancel' where reference = 'B-0001' and set_config('statehouse.session', :'clerk_2', false) is not null;
update hall_clerk.booking set fire = 'cancel' where reference = 'B-0001' and set_config('statehouse.session', :'baltyk', false) is not null;
select reference, state, version from hall_clerk.booking where reference = 'B-0001';
select statehouse.leave();
select count(*) from hall_clerk.booking;
