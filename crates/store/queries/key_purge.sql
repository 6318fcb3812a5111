-- Deletes keys older than 30 days, a bounded number; by key_old.
select statehouse.purge_keys($1)
