-- Removes one batch of files and uploads that are over; upload_expires, file_loose_due.
select uploads::bigint, files::bigint, bytes from statehouse.sweep_files($1)
