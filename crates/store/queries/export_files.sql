-- The files of a tenant without their bytes; by file_pkey.
select jsonb_build_object('hash', encode(f.hash::bytea, 'hex'), 'name', f.name, 'media_type', f.media_type, 'size', f.size, 'created_at', f.created_at)::text
  from statehouse.file f
 where f.tenant = $1
 order by f.hash
