-- Stops the hand-held clock at a time; its only row.
update statehouse.clock set now = $1::text::timestamptz
