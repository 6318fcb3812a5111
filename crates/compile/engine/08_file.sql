-- Files: bytes in chunks of one fixed size, named by a hash of what they are. A client writes an upload of its own and
-- reads through the function of its persona's schema; the tables here are nobody's but the owner's and the eyes'.

create table statehouse.file (
  tenant     int         not null,
  hash       statehouse.hash not null,   -- the address: see file_address()
  blob       uuid        not null,       -- the upload whose chunks these are
  size       bigint      not null,
  media_type text        not null,
  name       text        not null,
  created_at timestamptz not null,
  constraint file_pkey primary key (tenant, hash),
  constraint file_blob_unique unique (tenant, blob),
  constraint file_tenant_exists foreign key (tenant) references statehouse.tenant
);
comment on table statehouse.file is 'A file by its address; a record that has one refers here, and so holds it';

create table statehouse.file_chunk (
  tenant int   not null,
  blob   uuid  not null,
  n      int   not null,
  hash   statehouse.hash not null,
  bytes  bytea not null,
  constraint file_chunk_pkey primary key (tenant, blob, n),
  constraint file_chunk_bounded check (octet_length(bytes) between 1 and 262144)
);
-- Photos are compressed already: trying again costs time and gains nothing.
alter table statehouse.file_chunk alter column bytes set storage external;
comment on table statehouse.file_chunk is 'The bytes, 256 KiB a chunk; every chunk but the last is full';

create table statehouse.upload (
  tenant     int         not null,
  id         uuid        not null,
  actor      uuid        not null,
  slot       smallint,               -- one of the actor's twenty; null once finished
  name       text        not null,
  media_type text        not null,
  size       bigint      not null,
  received   bigint      not null default 0,
  file       statehouse.hash,        -- once finished: what the actor may attach until it expires
  expires_at timestamptz not null,
  constraint upload_pkey primary key (tenant, id),
  constraint upload_slot_unique unique (tenant, actor, slot),
  constraint upload_slot_bounded check (slot between 1 and 20),
  constraint upload_file_exists foreign key (tenant, file) references statehouse.file,
  constraint upload_received_bounded check (received between 0 and size),
  constraint upload_finished_whole check (num_nonnulls(slot, file) = 1 and (file is null or received = size))
) with (fillfactor = 50);
create index upload_expires on statehouse.upload (expires_at);
create index upload_open on statehouse.upload (tenant) where slot is not null;
create index upload_file on statehouse.upload (tenant, file) where file is not null;
comment on table statehouse.upload is 'A file on its way in; finished, it is its uploader''s right to attach the file';

create table statehouse.file_loose (
  tenant int         not null,
  hash   statehouse.hash not null,
  due_at timestamptz not null,
  constraint file_loose_pkey primary key (tenant, hash)
);
create index file_loose_due on statehouse.file_loose (due_at);
comment on table statehouse.file_loose is 'Files that something let go of: looked at by the sweep when due, and removed if nothing holds them';

create table statehouse.file_use (
  tenant int    not null,
  bytes  bigint not null,
  constraint file_use_pkey primary key (tenant),
  constraint file_use_tenant_exists foreign key (tenant) references statehouse.tenant
) with (fillfactor = 50);
comment on table statehouse.file_use is 'How many bytes a tenant''s files and uploads take, counted when they are announced: asking for the sum would cost more with every file';

do $$
declare
  t text;
begin
  foreach t in array array['file', 'file_chunk', 'upload', 'file_loose', 'file_use'] loop
    execute format('alter table statehouse.%I enable row level security', t);
    execute format('alter table statehouse.%I force row level security', t);
    execute format('create policy tenant_of_the_door on statehouse.%I to statehouse_owner '
                   'using (tenant = nullif(current_setting(''statehouse.tenant'', true), '''')::int)', t);
    execute format('grant select on statehouse.%I to statehouse_backup', t);
  end loop;
end $$;
-- The sweep finds what is over in any tenant, and nothing else of it.
create policy over_in_any_tenant on statehouse.upload     for select to statehouse_owner using (expires_at <= statehouse.now());
create policy over_in_any_tenant on statehouse.file_loose for select to statehouse_owner using (due_at <= statehouse.now());

-- The kind and name of a file are part of its address: who uploads the same bytes under a name of their own must not be
-- told the name somebody else gave them.
create function statehouse.file_address(size bigint, media_type text, name text, chunk_hashes bytea) returns bytea
  language sql immutable parallel safe
  return sha256(
    convert_to('statehouse file 1', 'UTF8') || int8send(size)
    || int4send(octet_length(media_type)) || convert_to(media_type, 'UTF8')
    || int4send(octet_length(name)) || convert_to(name, 'UTF8')
    || chunk_hashes);
comment on function statehouse.file_address(bigint, text, text, bytea) is
  'The address of a file: SHA-256 over its size, media type, name and the SHA-256 of each 256 KiB chunk in turn';

-- How a file is written in an input: 64 hexadecimal digits, Postgres's own \x…, or the JSON form it is read in.
create function statehouse.file_hash(written jsonb) returns bytea
  language plpgsql immutable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  return decode(ltrim(case jsonb_typeof(written) when 'object' then written ->> 'hash' else written #>> '{}' end, '\x'), 'hex');
end $$;
comment on function statehouse.file_hash(jsonb) is 'The address in a file''s JSON form: 64 hexadecimal digits, or an object with `hash`';

create function statehouse.use_bytes(wanted_tenant int, more bigint) returns bigint
  language sql
begin atomic
  insert into statehouse.file_use as u (tenant, bytes) values (wanted_tenant, more)
  on conflict (tenant) do update set bytes = u.bytes + excluded.bytes
  returning u.bytes;
end;
comment on function statehouse.use_bytes(int, bigint) is 'Counts bytes taken, or given back, and returns how many the tenant uses now';

-- ── coming in ────────────────────────────────────────────────────────────────
create function statehouse.upload_begin(name text, media_type text, size bigint) returns uuid
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c     constant statehouse.context := statehouse.ctx();
  limit_ constant bigint := coalesce((select s.value::bigint from statehouse.setting s where s.name = 'file_size_max'), 536870912);
  mine  uuid := gen_random_uuid();
  most  statehouse.tenant_limit;
  free  smallint;
begin
  if c.kind = 'anonymous' then
    perform statehouse.refuse('SH2006', 'files are for people who are known', '{}', 'sign in first');
  end if;
  if name is null or octet_length(name) not between 1 and 255 or name !~ '[^[:space:].]'
     or name ~ '[[:cntrl:]/\\\u200e\u200f\u202a-\u202e\u2066-\u2069]' then
    perform statehouse.refuse('SH6105', 'the name of the file is not accepted', '{"field": "name"}', 'give 1 to 255 bytes without slashes and control characters');
  end if;
  if media_type is null or media_type !~ '^[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}$' then
    perform statehouse.refuse('SH6105', 'the media type of the file is not accepted', '{"field": "media_type"}', 'write it as image/jpeg, in lower case');
  end if;
  if size is null or size < 1 then
    perform statehouse.refuse('SH6105', 'the size of the file is not accepted', '{"field": "size"}', 'say how many bytes it has; an empty file is none');
  end if;
  if size > limit_ then
    perform statehouse.refuse('SH6106', format('%s bytes are more than the %s allowed', size, limit_), jsonb_build_object('size', size, 'limit', limit_),
      'send a smaller file');
  end if;
  perform statehouse.open_door(c);
  select l.* into strict most from statehouse.tenant_limit l where l.tenant = c.tenant;
  if (select count(*) from (select from statehouse.upload u where u.tenant = c.tenant and u.slot is not null limit most.uploads_open) o) >= most.uploads_open then
    perform statehouse.refuse_limit('open uploads', most.uploads_open);
  end if;
  if statehouse.use_bytes(c.tenant, size) > most.file_bytes then
    perform statehouse.refuse_limit('bytes of files', most.file_bytes);
  end if;
  for tried in 1 .. 20 loop   -- two at once may find the same slot free
    select min(n) into free from generate_series(1, 20) n
     where not exists (select from statehouse.upload u where u.tenant = c.tenant and u.actor = c.actor and u.slot = n);
    exit when free is null;
    insert into statehouse.upload (tenant, id, actor, slot, name, media_type, size, expires_at)
    values (c.tenant, mine, c.actor, free, upload_begin.name, upload_begin.media_type, upload_begin.size, statehouse.now() + interval '1 day')
    on conflict on constraint upload_slot_unique do nothing;
    if found then return mine; end if;
  end loop;
  perform statehouse.refuse('SH6107', 'twenty uploads are open already', '{}', 'finish or abandon one of them');
end $$;
comment on function statehouse.upload_begin(text, text, bigint) is 'Opens an upload of the caller and returns its id; it lives for a day';

create function statehouse.my_upload(wanted uuid) returns statehouse.upload
  language plpgsql
as $$
declare
  c constant statehouse.context := statehouse.ctx();
  u statehouse.upload;
begin
  perform statehouse.open_door(c);
  select * into u from statehouse.upload o
   where o.tenant = c.tenant and o.id = wanted and o.actor = c.actor and o.expires_at > statehouse.now() for no key update;
  if not found then
    perform statehouse.refuse('SH6101', 'there is no such upload of yours', '{}', 'begin it anew');
  end if;
  return u;
end $$;
comment on function statehouse.my_upload(uuid) is 'Opens the door and locks an upload of the caller; another''s is as one that never was';

create function statehouse.upload_append(upload uuid, at_offset bigint, bytes bytea) returns bigint
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  u      constant statehouse.upload := statehouse.my_upload(upload);
  whole  constant int := 262144;
  length constant int := coalesce(octet_length(bytes), 0);
  stored bytea;
  piece  bytea;
  done   int := 0;
  at     bigint;
begin
  if length not between 1 and 1048576 then
    perform statehouse.refuse('SH6104', format('%s bytes in one part', length), '{}', 'send between 1 byte and 1 MiB at a time');
  end if;
  if at_offset < u.received and at_offset >= 0 and at_offset + length <= u.received then   -- said before: harmless, if it is the same
    select string_agg(c.bytes, '' order by c.n) into stored from statehouse.file_chunk c
     where c.tenant = u.tenant and c.blob = u.id and c.n between at_offset / whole and (at_offset + length - 1) / whole;
    if substring(stored from (at_offset % whole)::int + 1 for length) = bytes then return u.received; end if;
  end if;
  if at_offset is distinct from u.received then
    perform statehouse.refuse('SH6102', format('the upload stands at %s, not at %s', u.received, at_offset), jsonb_build_object('offset', u.received),
      format('go on from %s', u.received));
  end if;
  if at_offset + length > u.size then
    perform statehouse.refuse('SH6104', format('the upload is of %s bytes, this part ends at %s', u.size, at_offset + length), '{}', 'send what was announced');
  end if;
  if length < 65536 and at_offset + length < u.size then   -- the last chunk is written anew with every part that fills it
    perform statehouse.refuse('SH6104', format('%s bytes are a small part', length), '{}', 'send at least 64 KiB at a time, but for the end of the file');
  end if;
  while done < length loop
    at := u.received + done;
    piece := substring(bytes from done + 1 for (whole - at % whole)::int);
    if at % whole = 0 then
      insert into statehouse.file_chunk (tenant, blob, n, hash, bytes) values (u.tenant, u.id, (at / whole)::int, sha256(piece), piece);
    else
      update statehouse.file_chunk c set bytes = c.bytes || piece, hash = sha256(c.bytes || piece)
       where c.tenant = u.tenant and c.blob = u.id and c.n = (at / whole)::int;
    end if;
    done := done + octet_length(piece);
  end loop;
  update statehouse.upload o set received = u.received + length where o.tenant = u.tenant and o.id = u.id;
  return u.received + length;
end $$;
comment on function statehouse.upload_append(uuid, bigint, bytea) is 'Adds at most 1 MiB where the upload stands and returns where it stands then; the same part again changes nothing';

create function statehouse.upload_state(upload uuid, out at_offset bigint, out size bigint, out media_type text, out name text, out file bytea) returns record
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  u constant statehouse.upload := statehouse.my_upload(upload);
begin
  at_offset := u.received; size := u.size; media_type := u.media_type; name := u.name; file := u.file;
end $$;
comment on function statehouse.upload_state(uuid) is 'Where an upload of the caller stands, and what it is of';

create function statehouse.upload_read(upload uuid, first int, last int) returns table (n int, bytes bytea)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  u constant statehouse.upload := statehouse.my_upload(upload);
begin
  return query
    select c.n, c.bytes from statehouse.file_chunk c
     where c.tenant = u.tenant and c.blob = coalesce((select f.blob from statehouse.file f where f.tenant = u.tenant and f.hash = u.file), u.id)
       and c.n between first and least(last, first + 15)
     order by c.n;
end $$;
comment on function statehouse.upload_read(uuid, int, int) is 'Chunks of an upload of the caller, at most sixteen, to compare with what was sent';

create function statehouse.upload_finish(upload uuid, expected bytea default null) returns bytea
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  u       constant statehouse.upload := statehouse.my_upload(upload);
  address bytea := u.file;
  made    boolean;
  held    boolean;
begin
  if u.received < u.size then
    perform statehouse.refuse('SH6103', format('%s of %s bytes are here', u.received, u.size), jsonb_build_object('offset', u.received), 'send the rest first');
  end if;
  if address is null then
    select statehouse.file_address(u.size, u.media_type, u.name, string_agg(c.hash, '' order by c.n)) into address
      from statehouse.file_chunk c where c.tenant = u.tenant and c.blob = u.id;
  end if;
  if expected <> address then
    perform statehouse.refuse('SH6110', 'what arrived is not what was announced', '{}', 'begin the upload anew');
  end if;
  if u.file is not null then return u.file; end if;   -- asked again
  for tried in 1 .. 3 loop   -- the same file may be swept between the two statements
    insert into statehouse.file (tenant, hash, blob, size, media_type, name, created_at)
    values (u.tenant, address, u.id, u.size, u.media_type, u.name, statehouse.now()) on conflict on constraint file_pkey do nothing;
    made := found;
    perform from statehouse.file f where f.tenant = u.tenant and f.hash = address for key share;
    held := found;
    exit when held;
  end loop;
  if not held then
    perform statehouse.refuse('SH5002', 'this crossed with a sweep', '{}', 'finish again');
  end if;
  if not made then   -- the tenant has it already
    delete from statehouse.file_chunk c where c.tenant = u.tenant and c.blob = u.id;
    perform statehouse.use_bytes(u.tenant, - u.size);
  end if;
  update statehouse.upload o set file = address, slot = null, expires_at = statehouse.now() + interval '1 day'
   where o.tenant = u.tenant and o.id = u.id;
  return address;
end $$;
comment on function statehouse.upload_finish(uuid, bytea) is 'Makes a whole upload a file and returns its address, which the caller may attach for a day';

create function statehouse.upload_abandon(upload uuid) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  u constant statehouse.upload := statehouse.my_upload(upload);
begin
  if u.file is null then
    delete from statehouse.file_chunk c where c.tenant = u.tenant and c.blob = u.id;
    perform statehouse.use_bytes(u.tenant, - u.size);
  else
    perform statehouse.let_go(u.tenant, u.file, statehouse.now());
  end if;
  delete from statehouse.upload o where o.tenant = u.tenant and o.id = u.id;
end $$;
comment on function statehouse.upload_abandon(uuid) is 'Gives up an upload of the caller, and the right to attach what came of it';

-- ── in records ───────────────────────────────────────────────────────────────
-- Knowing an address is no right to what it names: a person attaches only what that person uploaded.
create function statehouse.judge_file(entity text, field text, wanted bytea) returns void
  language plpgsql stable
as $$
begin
  if not exists (select from statehouse.upload u
                  where u.tenant = current_setting('statehouse.tenant')::int and u.file = wanted
                    and u.actor = statehouse.acting() and u.expires_at > statehouse.now()) then
    perform statehouse.refuse('SH6108', format('`%s` is not a file you have uploaded', field),
      jsonb_build_object('entity', entity, 'field', field), 'upload it, then give its hash within a day');
  end if;
end $$;
comment on function statehouse.judge_file(text, text, bytea) is 'Inside a door: refuses a file that the actor has not uploaded, whether it exists or not';

create function statehouse.let_go(wanted_tenant int, wanted bytea, due timestamptz) returns void
  language sql
begin atomic
  insert into statehouse.file_loose as l (tenant, hash, due_at) values (wanted_tenant, wanted, due)
  on conflict (tenant, hash) do update set due_at = greatest(l.due_at, excluded.due_at);
end;
comment on function statehouse.let_go(int, bytea, timestamptz) is 'Has the sweep look at a file when it is due';

create function statehouse.let_go_of_files() returns trigger
  language plpgsql
as $$
declare
  field text;
  had   bytea;
  has   bytea;
begin
  foreach field in array tg_argv loop
    execute format('select ($1).%I', field) into had using old;
    if tg_op = 'UPDATE' then execute format('select ($1).%I', field) into has using new; end if;
    if had is not null and had is distinct from has then
      perform statehouse.let_go(old.tenant, had, statehouse.now() + interval '1 day');
    end if;
  end loop;
  return null;
end $$;
comment on function statehouse.let_go_of_files() is 'A file that leaves a field of a record is looked at a day later';

-- ── going out ────────────────────────────────────────────────────────────────
-- What holds a file is what has a foreign key to it: any app's records, and the uploads that may still be attached.
create function statehouse.file_held(wanted_tenant int, wanted bytea) returns boolean
  language plpgsql stable
as $$
declare
  holder record;
  held   boolean;
begin
  for holder in
    select k.conrelid::regclass as relation, a.attname as field
      from pg_constraint k
      join pg_attribute h on h.attrelid = k.confrelid and h.attname = 'hash'
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[array_position(k.confkey, h.attnum)]
     where k.contype = 'f' and k.confrelid = 'statehouse.file'::regclass
     order by 1, 2
  loop
    execute format('select exists (select from %s x where x.tenant = $1 and x.%I = $2)', holder.relation, holder.field)
       into held using wanted_tenant, wanted;
    if held then return true; end if;
  end loop;
  return false;
end $$;
comment on function statehouse.file_held(int, bytea) is 'Whether a record or a living upload refers to the file';

create function statehouse.sweep_files(bytes_max bigint default 268435456, out uploads int, out files int, out bytes bigint) returns record
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  over  record;
  found_file statehouse.file;
begin
  uploads := 0; files := 0; bytes := 0;
  for over in
    select u.tenant, u.id, u.file, u.size, u.received from statehouse.upload u where u.expires_at <= statehouse.now()
     order by u.expires_at limit 1000
  loop
    exit when bytes >= bytes_max;
    perform set_config('statehouse.tenant', over.tenant::text, true);
    perform from statehouse.upload u where u.tenant = over.tenant and u.id = over.id for update skip locked;
    continue when not found;
    if over.file is null then
      delete from statehouse.file_chunk c where c.tenant = over.tenant and c.blob = over.id;
      perform statehouse.use_bytes(over.tenant, - over.size);
      bytes := bytes + over.received;
    else
      perform statehouse.let_go(over.tenant, over.file, statehouse.now());
    end if;
    delete from statehouse.upload u where u.tenant = over.tenant and u.id = over.id;
    uploads := uploads + 1;
  end loop;
  for over in
    select l.tenant, l.hash from statehouse.file_loose l where l.due_at <= statehouse.now() order by l.due_at limit 1000
  loop
    exit when bytes >= bytes_max;
    perform set_config('statehouse.tenant', over.tenant::text, true);
    -- whoever is attaching it holds its row; then it is not loose, or it is looked at in the next sweep
    select * into found_file from statehouse.file f where f.tenant = over.tenant and f.hash = over.hash for update skip locked;
    if not found then
      continue when exists (select from statehouse.file f where f.tenant = over.tenant and f.hash = over.hash);
    elsif not statehouse.file_held(over.tenant, over.hash) then
      delete from statehouse.file_chunk c where c.tenant = found_file.tenant and c.blob = found_file.blob;
      delete from statehouse.file f where f.tenant = found_file.tenant and f.hash = found_file.hash;
      perform statehouse.use_bytes(found_file.tenant, - found_file.size);
      files := files + 1;
      bytes := bytes + found_file.size;
    end if;
    delete from statehouse.file_loose l where l.tenant = over.tenant and l.hash = over.hash;
  end loop;
  perform set_config('statehouse.tenant', '', true);
end $$;
comment on function statehouse.sweep_files(bigint) is
  'Removes what is over: uploads nobody finished, files nothing holds. One batch of about so many bytes; call it until all three are 0';

grant execute on function statehouse.upload_begin(text, text, bigint), statehouse.upload_append(uuid, bigint, bytea), statehouse.upload_state(uuid),
  statehouse.upload_read(uuid, int, int), statehouse.upload_finish(uuid, bytea), statehouse.upload_abandon(uuid), statehouse.file_hash(jsonb)
  to statehouse_api, statehouse_worker;
grant execute on function statehouse.sweep_files(bigint) to statehouse_worker;
