-- The catalog as the last apply left it, on the version in force, found by the key of definition.
update statehouse.definition d
set snapshot = $2
where d.app = $1 and d.version = (select max(m.version) from statehouse.definition m where m.app = $1)
