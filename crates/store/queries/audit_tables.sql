-- The tables of records of every applied app, told by the columns only they have; the catalog's own indexes.
select n.nspname::text, c.relname::text
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'r'
   and n.nspname in (select d.app from statehouse.definition d)
   and (select count(*) from pg_attribute a
         where a.attrelid = c.oid and not a.attisdropped and a.attname in ('tenant', 'id', 'version', 'head', 'state', 'fire')) = 6
 order by 1, 2
