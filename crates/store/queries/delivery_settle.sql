-- Writes down what became of calls to subscribers; by delivery_pkey.
select statehouse.settle_deliveries($1, $2)
