-- Every event in the order of its chain; a whole read, sorted by event_pkey where the planner sees fit.
select e.tenant, e.entity, e.record, e.seq, e.at, e.verb, e.from_state, e.to_state, e.actor, e.kind, e.cause, e.definition,
       e.payload::text as payload, e.payload_hash, e.previous, e.head
  from statehouse.event e
 order by e.tenant, e.entity collate "C", e.record, e.seq, e.at
