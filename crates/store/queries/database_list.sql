-- The databases that hold an app, told by the comment apply leaves on them; a short catalog without an index to speak of.
select d.datname::text
from pg_catalog.pg_database d
where shobj_description(d.oid, 'pg_database') like 'statehouse app %'
  and d.datallowconn
order by 1
limit 100
