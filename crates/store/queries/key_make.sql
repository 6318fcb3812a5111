-- A new key, told this once.
select k.key, to_json(k.shown) from statehouse.make_key($1, $2::text::timestamptz, $3) k
