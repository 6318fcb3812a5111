-- Messages whose caller went away; by delivery_leased.
select statehouse.recover_deliveries()
