-- Months of events, made before they are needed, as the owner. Names are looked up in the catalog.
set local role statehouse_owner;
select statehouse.ensure_event_partition((date_trunc('month', now() at time zone 'UTC') + make_interval(months => m))::date)
from generate_series(0, 3) m;
reset role
