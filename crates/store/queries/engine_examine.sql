-- Months ahead, and events without a month.
select (select count(*) from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'statehouse.event'::regclass
          and c.relname between 'event_' || to_char(now() at time zone 'UTC', 'YYYYMM') and 'event_999999') as months,
       exists (select from statehouse.event_other) as strays
