-- $1 effects that wait, as orders would owe them: every other one for a later day, the rest at another provider.
insert into statehouse.effect (tenant, record, seq, n, app, entity, verb, connector, action, version, class, args, due_at)
select t.tenant, gen_random_uuid(), 2, 1, 'orders', 'orders.order', 'clear', case when g % 2 = 0 then 'sms' else 'customs' end, 'cleared', 1, 'Q',
       '{"to": "+3545550110", "lang": "is", "order": "ORD-000001"}', case when g % 2 = 0 then now() + interval '1 day' + g * interval '1 second' else now() end
  from statehouse.tenant t
 cross join generate_series(1, $1::bigint) g
