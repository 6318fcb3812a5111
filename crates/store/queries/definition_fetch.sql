-- The text of the version in force, by the key of definition.
select d.body ->> 'text'
from statehouse.definition d
where d.app = $1
order by d.version desc
limit 1
