-- The next secret of one; by subscription_pkey.
select s.id, s.label, s.url::text, s.events, s.state, s.ended_why, s.secret,
       to_char(s.previous_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as previous_until,
       to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as created_at, 0::int8 as due
  from statehouse.rotate_secret($1, make_interval(secs => $2)) s
 where s.id is not null
