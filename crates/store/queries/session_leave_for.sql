-- Ends the session of this transaction; by session_pkey.
select statehouse.leave_for()
