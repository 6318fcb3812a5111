-- What a key of the caller's own did, and whether the move asked now is the one asked then; by key_pkey and event_pkey.
select k.entity, k.record, k.seq, k.verb, k.state,
       k.fingerprint = sha256(convert_to(jsonb_build_object('fire', $2::text, 'input', $3::jsonb, 'id', k.record)::text, 'UTF8')) as same
  from statehouse.keyed($1) k
 where k.record is not null
