-- Lends messages that are due to subscribers; by delivery_lane, subscription by subscription.
select c.tenant, c.subscription, c.xid, c.n, c.attempt, c.id, c.url, c.body, c.secret, c.previous, c.now
  from statehouse.claim_deliveries($1, $2, make_interval(secs => $3)) c
