-- Time: what is owed at a moment. A timer rings once, in the transaction of its move; a slot of a schedule is worked
-- through once, and from where it was left.

-- ── timers ───────────────────────────────────────────────────────────────────
-- Two rings at once would both be right and one of them in vain, so each takes one of the first sixty-four at random.
-- A timer is armed and disarmed by moves alone, and the door refuses a move of a record that has moved since it was seen:
-- so a timer that is there in the statement's own view of the world is still there when the move is made.
create function statehouse.ring_timer(apps text[])
  returns table (tenant int, app text, entity text, record uuid, verb text, moved boolean, code text)
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  armed  statehouse.timer;
  epoch_ constant int := statehouse.epoch();
  rung   int;
  failed text;
  why    text;
begin
  perform statehouse.check_home();
  -- Somebody who holds the record for long is not waited for: the timer comes again.
  perform set_config('lock_timeout', '2s', true);
  for armed in
    select f.* from (
      select t.* from statehouse.timer t
       where t.epoch = epoch_ and t.due_at <= statehouse.now() and split_part(t.entity, '.', 1) = any (apps)
       order by t.due_at limit 64) f
     order by random()
  loop
    tenant := armed.tenant;
    app := split_part(armed.entity, '.', 1);
    entity := split_part(armed.entity, '.', 2);
    record := armed.record;
    verb := armed.verb;
    code := null;
    failed := null;
    begin
      perform statehouse.enter_for('timer', armed.tenant, app);
      execute format(
        'update %I.%I v set fire = $1 where v.id = $2 and exists (
           select from statehouse.timer t where t.tenant = $3 and t.record = $2 and t.verb = $1 and t.seq = $4 and t.due_at <= statehouse.now())',
        app || '_system', entity)
        using armed.verb, armed.record, armed.tenant, armed.seq;
      get diagnostics rung = row_count;
    exception when others then
      get stacked diagnostics failed = returned_sqlstate, why = message_text;
      if statehouse.no_verdict(failed) and left(failed, 2) not in ('40', '55') then raise; end if;
      rung := 0;
      code := case when statehouse.no_verdict(failed) then 'SH5002' else statehouse.code_of(failed) end;
    end;
    if failed is null then perform statehouse.leave_for(); end if;
    moved := rung > 0;
    if moved then
      perform statehouse.end_timer(armed.tenant, armed.record, armed.verb, armed.seq);
      return next;
      return;
    elsif failed is not null and statehouse.push_timer(armed.tenant, armed.record, armed.verb, armed.seq, code) then
      return next;
      return;
    end if;
    -- Its record has left the state, or somebody else has rung it.
  end loop;
end $$;
comment on function statehouse.ring_timer(text[]) is
  'Rings one timer that is due: fires its verb as a timer, or notes why it was refused and puts it off. No row where none is due';

create function statehouse.end_timer(wanted_tenant int, wanted_record uuid, wanted_verb text, wanted_seq int) returns void
  language sql security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  delete from statehouse.timer t
   where t.tenant = wanted_tenant and t.record = wanted_record and t.verb = wanted_verb and t.seq = wanted_seq;
end;
comment on function statehouse.end_timer(int, uuid, text, int) is 'A timer that has rung is gone, also where its verb stays in the state; one armed anew by that very move is another';

create function statehouse.push_timer(wanted_tenant int, wanted_record uuid, wanted_verb text, wanted_seq int, refused_by text) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Crossed with others: again in a moment, and nothing is counted.
  update statehouse.timer t
     set since = coalesce(t.since, t.due_at), code = refused_by,
         attempt = t.attempt + (refused_by <> 'SH5002')::int,
         due_at = statehouse.now() + case when refused_by = 'SH5002' then interval '1 second'
                                          else least(interval '1 minute' * power(2, least(t.attempt, 10)), interval '6 hours') end
   where t.tenant = wanted_tenant and t.record = wanted_record and t.verb = wanted_verb and t.seq = wanted_seq and t.due_at <= statehouse.now();
  return found;
end $$;
comment on function statehouse.push_timer(int, uuid, text, int, text) is 'Puts a refused timer off, a minute and twice as long each time, at most six hours; when it was due first stays written';

-- A tenant that goes on finds its timers as they were.
create function statehouse.resume_timers() returns trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.timer t set due_at = t.since, since = null, code = null, attempt = 0
   where t.tenant = new.tenant and t.code = 'SH2011';
  return null;
end $$;
comment on function statehouse.resume_timers() is 'Timers that a suspended tenant kept from ringing are due again';
create trigger resume_timers after update of suspended_at on statehouse.tenant for each row
  when (old.suspended_at is not null and new.suspended_at is null) execute function statehouse.resume_timers();

create function statehouse.timers(most int default 100)
  returns table (entity text, record uuid, verb text, due_at timestamptz, since timestamptz, attempt int, code text)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  c constant statehouse.context := statehouse.admit('outside.manage');
begin
  return query
    select split_part(t.entity, '.', 2), t.record, t.verb, t.due_at, t.since, t.attempt, t.code
      from statehouse.timer t
     where t.tenant = c.tenant and t.entity like c.app || '.%' and t.attempt > 0
     order by t.since, t.record limit least(greatest(most, 0), 1000);
end $$;
comment on function statehouse.timers(int) is 'Timers of the caller''s tenant that were refused, the oldest first; asks for `outside.manage`';

-- ── schedules ────────────────────────────────────────────────────────────────
create table statehouse.slot (
  tenant       int         not null,
  app          text        not null,
  schedule     text        not null,
  slot         timestamptz not null,   -- the moment it is for
  state        text        not null default 'due',
  cursor       uuid,                   -- the last record that was seen to
  moved        int         not null default 0,
  refused      int         not null default 0,
  code         text,                   -- of the last refusal
  attempt      int         not null default 0,
  worker       text,
  leased_until timestamptz,
  opened_at    timestamptz not null default statehouse.now(),
  finished_at  timestamptz,
  epoch        int         not null default statehouse.epoch(),   -- as an effect's; a schedule is held with the last of its times
  constraint slot_pkey primary key (tenant, app, schedule, slot),
  constraint slot_tenant_exists foreign key (tenant) references statehouse.tenant,
  constraint slot_state_known check (state in ('due', 'leased', 'done', 'skipped')),
  constraint slot_lease_whole check (num_nonnulls(worker, leased_until) = case state when 'leased' then 2 else 0 end),
  constraint slot_end_is_told check ((state in ('done', 'skipped')) = (finished_at is not null))
);
create index slot_due on statehouse.slot (slot) where state in ('due', 'leased');
comment on table statehouse.slot is 'One time of one schedule for one tenant; its key is why there is never a second';

-- What is done is done, and the place moves forward only. Let go after a restore, a time counts as of the epoch in force; or
-- it is skipped, as somebody said.
create function statehouse.slot_law() returns trigger
  language plpgsql
as $$
begin
  if tg_op = 'DELETE' then
    if statehouse.erased(old.tenant) then return old; end if;
    perform statehouse.refuse('SH4014', 'slots are never deleted', '{}', 'leave it: it is why the time is not taken twice');
  end if;
  if new.epoch > old.epoch and (to_jsonb(new) - 'epoch' = to_jsonb(old) - 'epoch' or new.state = 'skipped' and old.state in ('due', 'leased')) then
    return new;
  end if;
  if (new.tenant, new.app, new.schedule, new.slot, new.opened_at) is distinct from (old.tenant, old.app, old.schedule, old.slot, old.opened_at)
     or old.state in ('done', 'skipped') or new.state = 'skipped' or new.attempt < old.attempt or new.moved < old.moved or new.refused < old.refused
     or old.cursor is not null and (new.cursor is null or new.cursor < old.cursor) then
    perform statehouse.refuse('SH7201', 'a slot goes forward only', jsonb_build_object('schedule', old.schedule, 'slot', old.slot, 'state', old.state),
      'open the next one');
  end if;
  return new;
end $$;
comment on function statehouse.slot_law() is 'Refuses to take a slot back or to work through it again';
create trigger law before update or delete on statehouse.slot for each row execute function statehouse.slot_law();
create trigger kept_whole before truncate on statehouse.slot for each statement execute function statehouse.keep();

create function statehouse.slots_standing(wanted_app text, wanted_schedule text) returns table (tenant int, slug text, last timestamptz)
  language sql stable security definer
  set search_path = pg_catalog, pg_temp
begin atomic
  select t.tenant, t.slug, l.slot
    from statehouse.tenant t
    left join lateral (
      select s.slot, s.epoch from statehouse.slot s
       where s.tenant = t.tenant and s.app = wanted_app and s.schedule = wanted_schedule
       order by s.slot desc limit 1) l on true
   where t.suspended_at is null and coalesce(l.epoch >= statehouse.epoch(), true)   -- what was missed meanwhile is caught up when a held one is let go
     and exists (select from statehouse.membership m where m.tenant = t.tenant and m.app = wanted_app)
   order by t.tenant;
end;
comment on function statehouse.slots_standing(text, text) is 'The tenants a schedule is for, and the last of its times each has; null for one that has none yet. None while it is held';

-- Schedules are found by jumping along slot_pkey: they are few, and their times are many.
create function statehouse.held_schedules(wanted_tenant int, epoch_ int) returns table (app text, schedule text, slot timestamptz)
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with recursive known as (
      (select s.app, s.schedule from statehouse.slot s where s.tenant = wanted_tenant order by s.app, s.schedule limit 1)
      union all
      select n.app, n.schedule
        from known k
       cross join lateral (
         select s.app, s.schedule from statehouse.slot s
          where s.tenant = wanted_tenant and (s.app, s.schedule) > (k.app, k.schedule)
          order by s.app, s.schedule limit 1) n)
    select k.app, k.schedule, l.slot
      from known k
     cross join lateral (
       select s.slot, s.epoch from statehouse.slot s
        where s.tenant = wanted_tenant and s.app = k.app and s.schedule = k.schedule
        order by s.slot desc limit 1) l
     where l.epoch < epoch_;
end $$;
comment on function statehouse.held_schedules(int, int) is 'The schedules of a tenant that a restore holds, each with the last of its times; callable by the owner only';

create function statehouse.open_slot(for_tenant int, for_app text, for_schedule text, at timestamptz, skipped boolean) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  insert into statehouse.slot (tenant, app, schedule, slot, state, finished_at)
  select t.tenant, for_app, for_schedule, at, case when skipped then 'skipped' else 'due' end, case when skipped then statehouse.now() end
    from statehouse.tenant t where t.tenant = for_tenant and t.suspended_at is null
  on conflict do nothing;
  return found;
end $$;
comment on function statehouse.open_slot(int, text, text, timestamptz, boolean) is
  'Writes down that a time of a schedule has come, or that it is skipped; false where it was written before';

-- Due, or left by somebody whose lease has run out: it goes on from where it stands.
create function statehouse.claim_slot(worker text, apps text[], lease interval)
  returns table (tenant int, app text, schedule text, slot timestamptz, attempt int, cursor uuid)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform statehouse.check_home();
  return query
    with picked as materialized (
      select d.tenant, d.app, d.schedule, d.slot from statehouse.slot d
        join statehouse.tenant t on t.tenant = d.tenant and t.suspended_at is null
       where d.state in ('due', 'leased') and (d.leased_until is null or d.leased_until <= statehouse.now()) and d.app = any (apps)
         and d.epoch = statehouse.epoch()
       order by d.slot limit 1 for update of d skip locked)
    update statehouse.slot s
       set state = 'leased', attempt = s.attempt + 1, worker = claim_slot.worker, leased_until = statehouse.now() + lease
      from picked d
     where s.tenant = d.tenant and s.app = d.app and s.schedule = d.schedule and s.slot = d.slot
    returning s.tenant, s.app, s.schedule, s.slot, s.attempt, s.cursor;
end $$;
comment on function statehouse.claim_slot(text, text[], interval) is 'Leases one slot that is due; none where none is';

create function statehouse.hold_slot(worker text, wanted_tenant int, wanted_app text, wanted_schedule text, wanted_slot timestamptz, wanted_attempt int)
  returns table (cursor uuid)
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select s.cursor from statehouse.slot s
     where s.tenant = wanted_tenant and s.app = wanted_app and s.schedule = wanted_schedule and s.slot = wanted_slot
       and s.worker = hold_slot.worker and s.attempt = wanted_attempt and s.state = 'leased' and s.epoch = statehouse.epoch()
       for update;
end $$;
comment on function statehouse.hold_slot(text, int, text, text, timestamptz, int) is 'The fence: no row where a slot is not the worker''s any more';

create function statehouse.move_slot(worker text, wanted_tenant int, wanted_app text, wanted_schedule text, wanted_slot timestamptz, wanted_attempt int,
                                     to_cursor uuid, plus_moved int, plus_refused int, last_code text, finished boolean, lease interval) returns boolean
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  update statehouse.slot s
     set cursor = coalesce(to_cursor, s.cursor), moved = s.moved + plus_moved, refused = s.refused + plus_refused, code = coalesce(last_code, s.code),
         state = case when finished then 'done' else 'leased' end,
         worker = case when not finished then s.worker end,
         leased_until = case when not finished then statehouse.now() + lease end,
         finished_at = case when finished then statehouse.now() end
   where s.tenant = wanted_tenant and s.app = wanted_app and s.schedule = wanted_schedule and s.slot = wanted_slot
     and s.worker = move_slot.worker and s.attempt = wanted_attempt and s.state = 'leased';
  return found;
end $$;
comment on function statehouse.move_slot(text, int, text, text, timestamptz, int, uuid, int, int, text, boolean, interval) is
  'Writes down how far a slot has come, in the transaction that moved its records; false where it is not the worker''s any more';

create function statehouse.schedule_page(schedule text, after uuid, most int) returns setof uuid
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  c constant statehouse.context := statehouse.ctx();
begin
  if c.kind <> 'system' then
    perform statehouse.refuse('SH2006', format('this door is not for the kind `%s`', c.kind), '{}', 'enter as the system');
  end if;
  perform statehouse.open_door(c);
  return query execute format('select * from %I.%I($1, $2, $3)', c.app, 'schedule_' || schedule) using c.tenant, after, most;
end $$;
comment on function statehouse.schedule_page(text, uuid, int) is 'The next records a schedule is for, in the order of their ids; for the engine as the system';

-- As the worker itself, through the views of the engine. One transaction moves the records and the place, so that
-- whoever goes on after a death begins with the first that was not seen to.
create function statehouse.slot_batch(worker text, wanted_tenant int, wanted_app text, wanted_schedule text, wanted_slot timestamptz, wanted_attempt int,
                                      entity text, verb text, most int, lease interval)
  returns table (held boolean, moved int, refused int, finished boolean)
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  place  record;
  whose  uuid;
  seen   int := 0;
  rung   int;
  failed text;
  last   text;
begin
  moved := 0;
  refused := 0;
  select h.cursor into place from statehouse.hold_slot(worker, wanted_tenant, wanted_app, wanted_schedule, wanted_slot, wanted_attempt) h;
  held := found;
  if not held then
    return next;
    return;
  end if;
  perform statehouse.enter_for('system', wanted_tenant, wanted_app);
  for whose in select p from statehouse.schedule_page(wanted_schedule, place.cursor, most) p loop
    seen := seen + 1;
    begin
      execute format('update %I.%I v set fire = $1 where v.id = $2', wanted_app || '_system', entity) using verb, whose;
      get diagnostics rung = row_count;
      moved := moved + rung;
    exception when others then
      get stacked diagnostics failed = returned_sqlstate;
      if statehouse.no_verdict(failed) then raise; end if;
      refused := refused + 1;
      last := statehouse.code_of(failed);
    end;
  end loop;
  finished := seen < most;
  held := statehouse.move_slot(worker, wanted_tenant, wanted_app, wanted_schedule, wanted_slot, wanted_attempt, whose, moved, refused, last, finished, lease);
  perform statehouse.leave_for();
  return next;
end $$;
comment on function statehouse.slot_batch(text, int, text, text, timestamptz, int, text, text, int, interval) is
  'Fires a schedule''s verb on the next of its records, at most so many; those refused are counted and passed. `finished` where none are left';

-- ── who reaches what ─────────────────────────────────────────────────────────
alter table statehouse.slot enable row level security;
alter table statehouse.slot force row level security;
create policy owner_functions on statehouse.slot to statehouse_owner using (true);
grant select on statehouse.slot to statehouse_backup;

-- A timer belongs to no caller: it is found in every tenant, by the functions above alone.
create policy owner_functions on statehouse.timer to statehouse_owner using (true);

grant execute on function statehouse.ring_timer(text[]), statehouse.end_timer(int, uuid, text, int), statehouse.push_timer(int, uuid, text, int, text),
  statehouse.slots_standing(text, text), statehouse.open_slot(int, text, text, timestamptz, boolean), statehouse.claim_slot(text, text[], interval),
  statehouse.hold_slot(text, int, text, text, timestamptz, int),
  statehouse.move_slot(text, int, text, text, timestamptz, int, uuid, int, int, text, boolean, interval),
  statehouse.schedule_page(text, uuid, int),
  statehouse.slot_batch(text, int, text, text, timestamptz, int, text, text, int, interval) to statehouse_worker;
grant execute on function statehouse.timers(int) to statehouse_api;
