-- Lends one source that is to be asked; by poll_due.
select p.tenant, p.slug, p.app, p.source, p.attempt, p.since, p.started_at, p.failures, p.place from statehouse.claim_poll($1, $2, make_interval(secs => $3)) p
