-- The keys the caller may see, by api_key_of_a_member.
select to_json(k) from statehouse.keys($1, $2) k
