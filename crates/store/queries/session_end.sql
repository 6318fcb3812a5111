-- The end of one of the caller's sessions, by session_of_an_actor.
select statehouse.end_session($1)
