--- as statehouse_api
select statehouse.enter('key-hall-nordur-clerk-1') \gset
select reference, seats, state, version from hall_clerk.booking order by reference;
update hall_clerk.booking set fire = 'hold' where reference = 'B-0001' returning reference, state, version;
select statehouse.enter('key-hall-nordur-guest-1') \gset
update hall_guest.booking set fire = 'confirm' where reference = 'B-0001' returning reference, state, version;
select seq, at, verb, from_state, to_state, kind from hall_guest.booking_history where record = (select id from hall_guest.booking where reference = 'B-0001') order by seq;
--- as statehouse_worker
select seq, verb, connector, action, class, state, args from statehouse.effect;
