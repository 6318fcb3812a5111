--- A
select statehouse.enter('key-hall-nordur-guest-1') \gset
begin;
insert into hall_guest.booking (hall, phone, seats) values ('00000000-0000-7000-8000-00000000000a', '+3545550011', 2) returning reference;
--- B
select statehouse.enter('key-hall-nordur-guest-2') \gset
--- B
insert into hall_guest.booking (hall, phone, seats) values ('00000000-0000-7000-8000-00000000000a', '+3545550012', 2) returning reference;
--- A
rollback;
