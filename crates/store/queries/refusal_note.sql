-- Leaves one row about a refused attempt; by refusal_pkey.
select statehouse.note_refusal($1, $2, $3, $4)
