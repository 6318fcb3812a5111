--- as statehouse_api
\set SHOW_CONTEXT never
select statehouse.enter('key-hall-nordur-clerk-1') \gset
select b.reference, b.seats, h.capacity, b.state from hall_clerk.booking b join hall_clerk.hall h on h.id = b.hall where h.name = 'Small' order by 1;
update hall_clerk.booking set fire = 'hold' where reference = 'B-0004';
\echo :LAST_ERROR_SQLSTATE
select reference, state, version from hall_clerk.booking where reference = 'B-0004';
