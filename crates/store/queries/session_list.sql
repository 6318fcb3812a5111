-- The caller's living sessions, by session_of_an_actor.
select to_json(s) from statehouse.my_sessions($1) s
