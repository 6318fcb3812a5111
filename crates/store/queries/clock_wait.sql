-- Moves the hand-held clock on; its only row.
update statehouse.clock set now = now + $1::text::interval returning to_char(now at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
