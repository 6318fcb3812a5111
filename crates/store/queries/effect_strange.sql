-- What is owed under a version of a connector that no definition of its app ever had. Reads what is owed once, over all tenants.
select o.connector, o.version, o.owed
  from (select e.app, e.connector, e.version, count(*) as owed from statehouse.effect e
         where e.state in ('due', 'leased', 'held') group by e.app, e.connector, e.version) o
 where not exists (select from statehouse.definition d cross join json_each((d.body ->> 'text')::json -> 'connectors') c
                    where d.app = o.app and c.key = o.connector and (c.value ->> 'version')::int = o.version)
 order by o.app, o.connector, o.version
