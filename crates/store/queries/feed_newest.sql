-- Where the feed of each pair of tenant and entity ends; backwards by event_feed, one row of each partition.
select f.horizon::text, f.ceiling::text, f.tenant, f.entity, f.xid::text, f.n from statehouse.feed_newest($1, $2) f
