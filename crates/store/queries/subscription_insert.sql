-- A new subscription of the caller's own; checks the number of theirs by subscription_active.
select s.id, s.label, s.url::text, s.events, s.state, s.ended_why, s.secret,
       to_char(s.previous_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as previous_until,
       to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as created_at, 0::int8 as due
  from statehouse.subscribe($1, $2, $3) s
