-- Scratch databases by the beginning of their names; a short catalog.
select d.datname::text from pg_catalog.pg_database d where starts_with(d.datname, $1) limit 1000
