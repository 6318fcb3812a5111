-- Forgets messages that are over; by delivery_old.
select statehouse.purge_deliveries($1)
