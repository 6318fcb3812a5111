-- The version in force and the snapshot of the last apply that ended, by the key of definition.
select d.version, d.sha256,
       (select s.snapshot::text from statehouse.definition s where s.app = d.app and s.snapshot is not null order by s.version desc limit 1),
       d.mapping::text
from statehouse.definition d
where d.app = $1
order by d.version desc
limit 1
