-- Takes up a stretch of the feed for one; by subscription_pkey and event_feed.
select statehouse.fan_out($1, $2, $3)
