-- Months of events, made before they are needed, as the owner; a backup reads each by its own name. Names are looked up in the catalog.
set local role statehouse_owner;
select statehouse.ensure_event_partition((date_trunc('month', now() at time zone 'UTC') + make_interval(months => m))::date)
from generate_series(0, 3) m;
do $$
declare
  month regclass;
begin
  for month in
    select i.inhrelid from pg_catalog.pg_inherits i
     where i.inhparent = 'statehouse.event'::regclass and not has_table_privilege('statehouse_backup', i.inhrelid, 'select')
  loop
    execute format('grant select on %s to statehouse_backup', month);
  end loop;
end $$;
reset role
