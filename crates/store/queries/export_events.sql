-- Every event of a tenant in the order of its chains; by event_pkey.
select jsonb_build_object('entity', e.entity, 'record', e.record, 'seq', e.seq, 'at', e.at, 'verb', e.verb, 'from_state', e.from_state,
         'to_state', e.to_state, 'actor', e.actor, 'kind', e.kind, 'cause', e.cause, 'definition', e.definition, 'payload', e.payload,
         'head', encode(e.head, 'hex'))::text
  from statehouse.event e
 where e.tenant = $1
 order by e.entity collate "C", e.record, e.seq, e.at
