-- Adds a part to an upload; upload_pkey, file_chunk_pkey.
select statehouse.upload_append($1, $2, $3)
