-- Says that somebody sleeps, once those who have just written something are through; no index.
set lock_timeout = '{ms}ms'; select pg_advisory_lock(21320, 1)
