-- One apply at a time in a cluster; the lock ends with the connection. No table is read.
select pg_advisory_lock($1)
