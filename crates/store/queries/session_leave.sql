-- Ends the connection's session; by session_pkey.
select statehouse.leave()
