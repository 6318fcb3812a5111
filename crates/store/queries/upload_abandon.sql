-- Gives an upload up; upload_pkey, file_chunk_pkey.
select statehouse.upload_abandon($1)
