-- Timers of the caller's tenant that were refused; by timer_pkey.
select to_json(t) from statehouse.timers($1) t
