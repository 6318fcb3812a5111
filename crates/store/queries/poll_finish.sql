-- Ends a poll, or says where it goes on; by poll_pkey.
select statehouse.finish_poll($1, $2, $3, $4, $5, $6, make_interval(secs => $7), $8, $9)
