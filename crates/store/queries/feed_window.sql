-- Where a cursor may stand; by setting_pkey.
select w.floor::text, w.horizon::text, w.ceiling::text from statehouse.feed_window() w
