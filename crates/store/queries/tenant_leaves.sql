-- Tables with rows of tenants and what they refer to, each with the tables that refer to it; from the catalog.
select c.oid::regclass::text as name,
       array(select distinct k.conrelid::regclass::text from pg_constraint k
              where k.confrelid = c.oid and k.contype = 'f' and k.conrelid <> c.oid order by 1) as held_by,
       exists (select from pg_constraint k where k.confrelid = c.oid and k.contype = 'f' and k.conrelid = c.oid) as holds_itself
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant' and a.atttypid = 'int4'::regtype and not a.attisdropped
 where c.relkind = 'r' and (n.nspname = 'statehouse' or n.nspname in (select d.app from statehouse.definition d))
   and c.relname <> 'tenant'
 order by 1
