--- as statehouse_api
select statehouse.enter('key-hall-nordur-admin-1') \gset
update hall_admin.hall set fire = 'close' where name = 'Great' returning name, state, version;
select b.reference, b.state, b.version from hall_admin.booking b join hall_admin.hall h on h.id = b.hall where h.name = 'Great' order by 1;
select seq, verb, from_state, to_state, kind, cause from hall_admin.booking_history where verb = 'cancel' order by record;
