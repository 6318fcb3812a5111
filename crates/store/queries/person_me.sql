-- Who the caller is; by session_pkey.
select statehouse.me()
