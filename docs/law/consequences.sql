-- Two ways to write one event a moved row: AFTER ROW, and AFTER STATEMENT over transition tables. Microseconds a row, best of five.
-- psql -f consequences.sql on any scratch database; it makes and drops the schema `measure`.
\set QUIET on
set client_min_messages = warning;
drop schema if exists measure cascade;
create schema measure;
set search_path = measure;
create table event (tenant int, entity text, record uuid, seq int, at timestamptz, verb text, from_state text, to_state text, payload jsonb,
                    primary key (tenant, entity, record, seq));
create table by_row (tenant int, id uuid, state text, version int, filler text, primary key (tenant, id));
create table by_statement (like by_row including all);
create function verdict() returns trigger language plpgsql as $$
begin
  new.version := old.version + 1;
  return new;
end $$;
create function row_event() returns trigger language plpgsql as $$
begin
  insert into measure.event values (new.tenant, tg_table_name, new.id, new.version, now(), 'verb', old.state, new.state, jsonb_build_object('version', new.version));
  return null;
end $$;
create function statement_event() returns trigger language plpgsql as $$
begin
  insert into measure.event
  select n.tenant, tg_table_name, n.id, n.version, now(), 'verb', o.state, n.state, jsonb_build_object('version', n.version)
    from new_rows n join old_rows o on o.tenant = n.tenant and o.id = n.id;
  return null;
end $$;
create trigger verdict before update on by_row for each row execute function verdict();
create trigger verdict before update on by_statement for each row execute function verdict();
create trigger event after update on by_row for each row execute function row_event();
create trigger event after update on by_statement referencing old table as old_rows new table as new_rows for each statement execute function statement_event();
insert into by_row select 1, gen_random_uuid(), 'a', 1, repeat('x', 200) from generate_series(1, 4000);
insert into by_statement select * from by_row;
analyze by_row, by_statement;
create table took (trigger text, rows int, us numeric);
do $$
declare
  begun timestamptz;
  way   text;
  n     int;
  ids   uuid[];
  one   uuid;
begin
  foreach way in array array['by_row', 'by_statement'] loop
    -- A connection that has made single moves before: what it planned then is what it goes on with.
    for n in 1..5 loop
      begun := clock_timestamp();
      for one in select id from by_row order by id limit 400 loop
        execute format('update %I set filler = filler where tenant = 1 and id = $1', way) using one;
      end loop;
      insert into took values (way, 1, extract(epoch from clock_timestamp() - begun) * 1e6 / 400);
    end loop;
    foreach n in array array[64, 500, 2000] loop
      select array_agg(id) into ids from (select id from by_row limit n) picked;
      for again in 1..5 loop
        begun := clock_timestamp();
        execute format('update %I set filler = filler where tenant = 1 and id = any ($1)', way) using ids;
        insert into took values (way, n, extract(epoch from clock_timestamp() - begun) * 1e6 / n);
      end loop;
    end loop;
  end loop;
end $$;
select rows, round(min(us) filter (where trigger = 'by_row'), 1) as after_row, round(min(us) filter (where trigger = 'by_statement'), 1) as transition_tables
  from took group by rows order by rows;
drop schema measure cascade;
