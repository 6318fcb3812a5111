-- A link to a record the session sees; the token is in this answer and nowhere else. By link_pkey and link_of_a_record.
select m.link, m.token, to_char(m.expires at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as expires
  from statehouse.link_make($1, $2, $3, make_interval(secs => $4)) m
