-- Lets go what was due first; found as for a page, each then by its key.
select statehouse.release_all_held($1, $2)
