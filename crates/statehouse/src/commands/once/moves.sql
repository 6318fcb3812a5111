-- How often each verb moved a record, told from the events; what import wrote is no move, and what a timer did nobody was told.
select e.verb, count(*) from statehouse.event e where e.kind not in ('import', 'timer') and e.verb <> 'created' group by e.verb order by e.verb
