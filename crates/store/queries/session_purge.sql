-- Forgets sessions that are over; by session_expires.
select statehouse.purge_sessions($1)
