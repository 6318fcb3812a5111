-- What the moves left behind; must equal what the clients were told.
select (select count(*) from statehouse.event e where e.verb = any ($1)),
       (select count(*) from statehouse.effect f where f.verb = any ($1)),
       (select count(*) from statehouse.key)
