-- New keys by their hashes, by the key of api_key.
insert into statehouse.api_key (key_hash, tenant, member, app, label)
select decode(w.hash, 'hex'), w.tenant, w.member, $1, $2
from jsonb_to_recordset($3::jsonb) as w (hash text, tenant int, member uuid)
