-- Where an upload stands; upload_pkey.
select at_offset, size, media_type, name, file from statehouse.upload_state($1)
