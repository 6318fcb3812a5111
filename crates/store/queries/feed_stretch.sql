-- How far the next page goes; by event_feed, at most $4 places of each entity.
select s.xid::text, s.n, s.more from statehouse.feed_stretch($1, $2::text::xid8, $3, $4) s
