-- The apps applied in this database, by the key of definition.
select distinct d.app from statehouse.definition d order by 1 limit 100
