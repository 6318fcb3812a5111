-- Puts things away for good, each found by its key; those that this call put away.
select d.id from statehouse.discard_held($1, $2) d where d.discarded
