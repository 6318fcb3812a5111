-- How often each verb moved a record, told from the events; what import wrote is no move.
select e.verb, count(*) from statehouse.event e where e.kind <> 'import' and e.verb <> 'created' group by e.verb order by e.verb
