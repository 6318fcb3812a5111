--- as statehouse_api
select statehouse.enter('key-hall-nordur-guest-1') \gset
select margin from hall_guest.booking;
select statehouse.enter('key-hall-nordur-clerk-1') \gset
select reference, state, margin from hall_clerk.booking order by reference;
select count(*) from hall_clerk.booking where margin = 12000;
select count(*) from hall_clerk.booking where state = 'held' and 1 / (margin - 12000) is not null;
update hall_clerk.booking set fire = 'confirm' where reference = 'B-0003' returning reference, state, margin;
select seq, verb, payload from hall_clerk.booking_history where record = '00000000-0000-7000-8000-000000000004';
