-- Time, ids and refusals: the small words every law uses.

-- Production time is the transaction's. A database made with a test clock replaces this one function (see test_clock.sql).
create function statehouse.now() returns timestamptz
  language sql stable parallel safe
  return pg_catalog.now();
comment on function statehouse.now() is 'The time as the law sees it: the start of the transaction, or the hand-held clock of a test database';

create function statehouse.today(zone text) returns date
  language sql stable parallel safe
  return (statehouse.now() at time zone zone)::date;
comment on function statehouse.today(text) is 'The calendar day in the app''s time zone';

-- Version 7: sorted by time, so that new records land at the end of every index.
create function statehouse.new_id() returns uuid
  language sql volatile parallel safe
  return encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid()) placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6),
      52, 1), 53, 1), 'hex')::uuid;
comment on function statehouse.new_id() is 'A UUID version 7';

-- Checked when a value is made, and not again with every statement that touches its row.
create domain statehouse.hash as bytea constraint hash_whole check (octet_length(value) = 32);
comment on domain statehouse.hash is 'A SHA-256';

-- Every refusal of the law leaves through here, so that all of them have the same shape.
create function statehouse.refuse(code text, message text, about jsonb, help text) returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  cause text := nullif(current_setting('statehouse.cause', true), '');
begin
  raise exception using
    errcode = case when code in ('SH4012', 'SH5002') then '40001' else 'S' || substr(code, 3) end,
    message = message,
    detail  = (jsonb_build_object('code', code) || about
               || case when cause is null then '{}' else jsonb_build_object('cause', cause) end)::text,
    hint    = help;
end $$;
comment on function statehouse.refuse(text, text, jsonb, text) is 'Raises a typed refusal: SQLSTATE S + the four digits of the code, the facts as JSON in DETAIL, what to do in HINT';
