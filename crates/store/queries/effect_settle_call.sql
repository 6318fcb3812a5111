-- Writes down what became of a call, before its outcome verb is fired in the same transaction; by effect_pkey.
select statehouse.settle_call($1, $2)
