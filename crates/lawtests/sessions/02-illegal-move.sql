--- as statehouse_api
\set SHOW_CONTEXT never
select statehouse.enter('key-hall-nordur-clerk-1') \gset
update hall_clerk.booking set fire = 'confirm' where reference = 'B-0001';
update hall_clerk.booking set fire = 'approve' where reference = 'B-0001';
update hall_clerk.booking set state = 'confirmed' where reference = 'B-0001';
update hall_clerk.booking set seats = 2 where reference = 'B-0001';
update hall.booking set state = 'confirmed';
select statehouse.enter('key-hall-nordur-guest-1') \gset
update hall_guest.booking set fire = 'hold' where reference = 'B-0001';
select state, version from hall_guest.booking where reference = 'B-0001';
