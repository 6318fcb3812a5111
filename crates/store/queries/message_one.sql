-- One message and what it says; by message_pkey.
select to_jsonb(m) || jsonb_build_object('headers', b.headers, 'query', b.query, 'input', b.input, 'fetched', b.fetched) as told, b.body
  from statehouse.message_body($1) b
 cross join lateral (select l.* from statehouse.messages(only_id => b.id) l) m
