-- Writes down what a person says became of an effect; by effect_pkey.
select statehouse.resolve_effect($1, $2, $3, $4, $5)
