-- Months of events that have grown; by the catalog.
select statehouse.feed_weigh()
