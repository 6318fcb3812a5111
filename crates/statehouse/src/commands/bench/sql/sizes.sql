-- How wide a move is: filled columns of its record, bytes of its event and its effect.
select (select count(*) from jsonb_each(to_jsonb(o)) c where c.value <> 'null')::int,
       octet_length(e.payload::text), octet_length(f.args::text)
  from statehouse.event e
  join orders."order" o on o.tenant = e.tenant and o.id = e.record
  join statehouse.effect f on f.tenant = e.tenant and f.record = e.record and f.seq = e.seq
 where e.verb = $1
 limit 1
