-- What the outside and the clock still have to do: requests under way, effects and messages that are due, timers that are.
select (select count(*) from statehouse.effect e where e.state = 'leased'),
       (select count(*) from statehouse.effect e where e.state = 'due'),
       (select count(*) from statehouse.message m where m.state in ('due', 'leased')),
       (select count(*) from statehouse.timer t where t.due_at <= statehouse.now())
