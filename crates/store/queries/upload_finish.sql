-- Makes an upload a file; upload_pkey, file_pkey.
select statehouse.upload_finish($1)
