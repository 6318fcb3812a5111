-- Whether this is the database it was; by setting_pkey, and by effect_lane where it is not.
select g.restored, g.held, g.epoch, g.lsn::text as lsn from statehouse.greet_worker(($1::text)::pg_lsn) g
