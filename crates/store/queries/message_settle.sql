-- What became of messages that moved nothing; by message_pkey.
select (h ->> 0)::int as tenant, (h ->> 1)::uuid as id, (h ->> 2)::int as attempt from jsonb_array_elements(statehouse.settle_messages($1, $2)) h
