-- The end of a membership, by membership_pkey.
select statehouse.dismiss($1)
