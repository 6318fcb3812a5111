-- What every session begins with: three halls and seven bookings of the tenant nordur, brought in by an import.
--- as statehouse_worker
select statehouse.enter_as('import', 1, 'hall') \gset
insert into hall_system.hall (id, name, capacity) values
  ('00000000-0000-7000-8000-00000000000a', 'Great', 100),
  ('00000000-0000-7000-8000-00000000000b', 'Small', 10),
  ('00000000-0000-7000-8000-00000000000c', 'Attic', 10);
insert into hall_system.booking (id, hall, guest, clerk, phone, seats, margin, state)
select ('00000000-0000-7000-8000-00000000000' || b.n)::uuid, h.id, b.guest::uuid, b.clerk::uuid, '+354555000' || b.n, b.seats, b.margin, b.state
  from (values
    (1, 'Great', '00000000-0000-7000-8000-01e1397da31f', '00000000-0000-7000-8000-01b78130c802', 20, 45000, 'asked'),
    (2, 'Great', '00000000-0000-7000-8000-01e1397da31f', '00000000-0000-7000-8000-01b78130c802', 30, 60000, 'confirmed'),
    (3, 'Small', '00000000-0000-7000-8000-01e1397da31f', '00000000-0000-7000-8000-01b78130c802',  8, 12000, 'held'),
    (4, 'Small', '00000000-0000-7000-8000-01e1397da4d2', '00000000-0000-7000-8000-01b78130c802',  5,  9000, 'asked'),
    (5, 'Great', '00000000-0000-7000-8000-01e1397da4d2', '00000000-0000-7000-8000-01b78130c64f', 40, 80000, 'asked'),
    (6, 'Attic', '00000000-0000-7000-8000-01e1397da31f', '00000000-0000-7000-8000-01b78130c802',  6, 10000, 'asked'),
    (7, 'Attic', '00000000-0000-7000-8000-01e1397da4d2', '00000000-0000-7000-8000-01b78130c64f',  6, 10000, 'asked')
  ) as b (n, hall, guest, clerk, seats, margin, state)
  join hall_system.hall h on h.name = b.hall
 order by b.n;
