-- Opens an upload; upload_slot_unique.
select statehouse.upload_begin($1, $2, $3)
