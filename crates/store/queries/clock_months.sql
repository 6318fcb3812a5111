-- Partitions for the events of the three months after the hand-held clock; the catalog's own indexes.
select statehouse.ensure_event_partition((c.now + make_interval(months => m))::date) from statehouse.clock c, generate_series(0, 3) m
