-- Chunks of an upload, in their order; file_chunk_pkey.
select bytes from statehouse.upload_read($1, $2, $3)
