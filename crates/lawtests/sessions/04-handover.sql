--- as statehouse_api
select statehouse.enter('key-hall-nordur-clerk-1') \gset
update hall_clerk.booking set fire = 'hand_over', input = '{"clerk": "00000000-0000-7000-8000-01b78130c64f"}' where reference = 'B-0001' returning reference, clerk, state, version;
select reference, state from hall_clerk.booking where reference = 'B-0001';
update hall_clerk.booking set fire = 'cancel' where reference = 'B-0001';
select count(*) from hall_clerk.booking_history where record = '00000000-0000-7000-8000-000000000001';
select statehouse.enter('key-hall-nordur-clerk-2') \gset
select reference, state, version from hall_clerk.booking where reference = 'B-0001';
