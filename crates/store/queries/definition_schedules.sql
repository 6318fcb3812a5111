-- Since when the schedules of an app have the times they have, by the key of definition.
select s.schedule, s.since from statehouse.schedules_since($1) s
