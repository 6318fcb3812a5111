-- Lets held things go on, each found by its key; those that this call let go.
select r.id from statehouse.release_held($1) r where r.released
