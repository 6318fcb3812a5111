--- as statehouse_api
select statehouse.enter('key-hall-nordur-clerk-1') \gset
begin;
savepoint before;
update hall_clerk.booking set fire = 'hold' where reference = 'B-0001' returning state, version;
rollback to savepoint before;
commit;
select seq, verb from hall_clerk.booking_history where record = '00000000-0000-7000-8000-000000000001';
--- as postgres
set statehouse.tenant = '1';
set statehouse.actor = '00000000-0000-7000-8000-0187c6869890';
set statehouse.role = 'admin';
set statehouse.kind = 'member';
set statehouse.capabilities = '{}';
insert into hall.hall (name, capacity) values ('Great', 1), ('Barn', 5) on conflict (tenant, name) do nothing returning name, version, verb;
select h.name, e.seq, e.verb from statehouse.event e left join hall.hall h on h.id = e.record where e.entity = 'hall.hall' order by 1;
