-- Lends messages that are to be looked at; by message_due, tenant by tenant.
select m.tenant, m.slug, m.id, m.attempt, m.app, m.source, m.key, m.item, m.type, m.body, m.headers, m.query, m.coverage, m.received_at,
       m.tries, m.waits, m.fetched
  from statehouse.claim_messages($1, $2, $3, make_interval(secs => $4)) m
 order by m.received_at, m.id
