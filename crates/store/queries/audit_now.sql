-- The moment of the snapshot, in RFC 3339; no index.
select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
