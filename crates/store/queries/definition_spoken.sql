-- Every version of each connector of an app as it was last, by the key of definition; the engine here may be of an earlier release.
select distinct on (c.key, c.value ->> 'version') c.key, (c.value ->> 'version')::int, c.value::text
  from statehouse.definition d
 cross join json_each((d.body ->> 'text')::json -> 'connectors') c
 where d.app = $1
 order by c.key, c.value ->> 'version', d.version desc
