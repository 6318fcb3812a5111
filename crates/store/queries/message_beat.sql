-- Prolongs leases of messages; by message_pkey.
select (h ->> 0)::int as tenant, (h ->> 1)::uuid as id, (h ->> 2)::int as attempt
  from jsonb_array_elements(statehouse.beat_messages($1, $2, make_interval(secs => $3))) h
