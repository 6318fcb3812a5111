-- Says that nobody sleeps any more; no index.
select pg_advisory_unlock(21320, 1)
