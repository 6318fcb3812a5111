--- as statehouse_api
select statehouse.enter('key-hall-nordur-admin-1') \gset
update hall_admin.booking set seats = 20, phone = phone where reference = 'B-0001';
update hall_admin.booking set state = state where reference = 'B-0001';
update hall_admin.booking set seats = 21 where reference = 'B-0001' returning seats, version;
select seq, verb from hall_admin.booking_history where record = '00000000-0000-7000-8000-000000000001' order by seq;
