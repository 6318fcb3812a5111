-- The time as the law sees it; no index.
select statehouse.now()
