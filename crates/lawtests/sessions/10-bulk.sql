--- as statehouse_api
select statehouse.enter('key-hall-nordur-clerk-1') \gset
select right(id::text, 1) as booking, outcome, state, version, errcode, message, help
  from hall_clerk.booking_bulk(array['00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000004',
                                     '00000000-0000-7000-8000-000000000005', '00000000-0000-7000-8000-000000000006']::uuid[], 'hold');
select right(id::text, 1) as booking, outcome, state, version
  from hall_clerk.booking_bulk((select array_agg(id) from hall_clerk.booking), 'cancel') order by id;
select reference, state, version from hall_clerk.booking order by reference;
