-- Forced row-level security everywhere, the owner included; then exactly the grants that are meant.
do $$
declare
  t record;
begin
  for t in
    select c.oid::regclass as name, c.relname from pg_class c
     where c.relnamespace = 'statehouse'::regnamespace and c.relkind in ('r', 'p') order by c.relname
  loop
    execute format('alter table %s enable row level security', t.name);
    execute format('alter table %s force row level security', t.name);
  end loop;
  -- Rows of a tenant: the owner sees those of the tenant whose door is open.
  for t in select unnest(array['event', 'effect', 'key', 'lock', 'counter', 'refusal']) as relname loop
    execute format('create policy tenant_of_the_door on statehouse.%I to statehouse_owner '
                   'using (tenant = nullif(current_setting(''statehouse.tenant'', true), '''')::int)', t.relname);
  end loop;
  -- Tables without a tenant, or read before one is known: only the owner's own functions reach them.
  for t in select unnest(array['tenant', 'tenant_limit', 'member', 'tenant_member', 'membership', 'role_preset', 'api_key', 'session', 'definition', 'setting']) as relname loop
    execute format('create policy owner_functions on statehouse.%I to statehouse_owner using (true)', t.relname);
  end loop;
end $$;

-- The worker sees what is due in every tenant; these tables hold no business column but frozen arguments, which it must send.
create policy worker_sees on statehouse.effect for select to statehouse_worker using (true);
create policy worker_sees on statehouse.timer  for select to statehouse_worker using (true);
grant select on statehouse.effect, statehouse.timer to statehouse_worker;

create policy backup_sees on statehouse.setting for select to statehouse_backup using (true);
grant select on all tables in schema statehouse to statehouse_backup;

grant execute on function statehouse.now(), statehouse.today(text), statehouse.ctx(), statehouse.actor(),
  statehouse.tenant_as(text, text), statehouse.me_as(text, text, text), statehouse.tenant_as_holder(text, text, text), statehouse.enter(text), statehouse.leave(), statehouse.redact(jsonb, text[])
  to statehouse_api, statehouse_agent, statehouse_worker, statehouse_read;
grant execute on function statehouse.note_refusal(text, uuid, text, text) to statehouse_api, statehouse_worker;
grant execute on function statehouse.keyed(text), statehouse.expect_version(int, int, text, uuid) to statehouse_api, statehouse_worker;
grant execute on function statehouse.purge_keys(int) to statehouse_worker;
