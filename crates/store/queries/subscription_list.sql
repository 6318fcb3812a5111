-- The caller's own subscriptions; by subscription_pkey.
select s.id, s.label, s.url::text, s.events, s.state, s.ended_why, s.secret,
       to_char(s.previous_until at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as previous_until,
       to_char(s.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as created_at, s.due
  from statehouse.subscriptions() s
