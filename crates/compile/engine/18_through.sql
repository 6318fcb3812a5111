-- Effects that go out through another connector than their own, because that one's provider is away.
--
-- Through which connector an effect goes is written in its row with the claim, before anything can be sent, and stays for
-- as long as it may have reached that provider: `effect_law` refuses everything else. So nothing that one provider may
-- have is ever sent to another, and a success is never told but by the provider that was called.

-- What of one connector may go out through another now. The row of the other's gate is held, as in claim_gate; that of its
-- own is read, since it only tells whether the provider is away.
create function statehouse.claim_through_gate(worker text, wanted_tenant int, wanted_app text, wanted_connector text, wanted_through text, versions int[],
                                              per_second numeric, burst int, most int, lease interval) returns setof statehouse.claimed
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  now_    constant timestamptz := statehouse.now();
  epoch_  constant int := statehouse.epoch();
  own     statehouse.gate;
  g       statehouse.gate;
  slug_   text;
  away    boolean;
  probing boolean;
  took    int;
begin
  select f.* into own from statehouse.gate f
   where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_connector;
  if not found then return; end if;
  select f.* into g from statehouse.gate f
   where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_through for update skip locked;
  if not found or g.blocked_until > now_ then return; end if;
  select t.slug into slug_ from statehouse.tenant t where t.tenant = wanted_tenant and t.suspended_at is null;
  if not found then return; end if;
  away := statehouse.gate_is_shut(own, now_);
  perform set_config('statehouse.tenant', wanted_tenant::text, true);
  if statehouse.gate_is_shut(g, now_) then
    -- Both are away, or this one alone: then what nobody may have goes back to its own.
    if not away then
      update statehouse.effect e set through = null
       where (e.tenant, e.record, e.seq, e.n) in (
         select f.tenant, f.record, f.seq, f.n from statehouse.effect f
          where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_connector and f.state = 'due'
            and f.through = wanted_through and not f.doubt and not f.sending
          order by f.due_at limit 100 for update skip locked);
    end if;
    perform set_config('statehouse.tenant', '', true);
    return;
  end if;
  probing := g.state <> 'closed';
  if per_second is null then
    g.tokens := null; g.filled_at := null;
  else
    g.tokens := statehouse.gate_tokens(g, per_second, burst, now_);
    g.filled_at := greatest(g.filled_at, now_);
    most := least(most, floor(g.tokens)::int);
  end if;
  if probing then most := least(most, 1); end if;
  if most < 1 then
    perform set_config('statehouse.tenant', '', true);
    return;
  end if;
  return query
    with picked as materialized (
      select e.record, e.seq, e.n from statehouse.effect e
       where e.tenant = wanted_tenant and e.app = wanted_app and e.connector = wanted_connector and e.state = 'due'
         and e.due_at >= own.floor - interval '1 hour' and e.due_at <= now_ and e.version = any (versions) and e.epoch >= epoch_
         and (e.through = wanted_through or away and e.through is null and not e.doubt)
       order by e.due_at
       limit most
         for update skip locked)
    update statehouse.effect e
       set state = 'leased', attempt = e.attempt + 1, first_at = coalesce(e.first_at, now_), through = wanted_through,
           worker = claim_through_gate.worker, leased_until = now_ + lease
      from picked p
     where e.tenant = wanted_tenant and e.record = p.record and e.seq = p.seq and e.n = p.n
    returning e.tenant, slug_, e.record, e.seq, e.n, e.app, e.entity, e.verb, e.connector, e.action, e.version, e.class::text,
              e.call, e.args::jsonb, e.due_at, e.attempt, e.attempt - e.spared, e.doubt, e.first_at, e.leased_until, now_, probing, e.through;
  get diagnostics took = row_count;
  perform set_config('statehouse.tenant', '', true);
  update statehouse.gate f
     set served_at = case when took > 0 then clock_timestamp() else f.served_at end,
         tokens    = g.tokens - case when per_second is null then null else took end, filled_at = g.filled_at,
         state       = case when probing and took > 0 then 'probing' else f.state end,
         probe_until = case when probing and took > 0 then now_ + lease else f.probe_until end
   where f.tenant = wanted_tenant and f.app = wanted_app and f.connector = wanted_through;
end $$;
comment on function statehouse.claim_through_gate(text, int, text, text, text, int[], numeric, int, int, interval) is
  'Lends what of one connector goes out through another now: what is on its way there, and what nobody may have while its own provider is away';

-- Asked only by a worker whose definitions name such connectors; the gates of the others never meet it.
create function statehouse.claim_through(worker text, known jsonb, most int, lease interval) returns setof statehouse.claimed
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off
  set enable_bitmapscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  lane  record;
  got   int;
  taken int := 0;
begin
  perform statehouse.check_home();
  most := least(most, 1000);
  for lane in
    select g.tenant, g.app, g.connector, k.through, k.versions, k.per_second, k.burst, k.most
      from statehouse.gate g
      join jsonb_to_recordset(known) as k (app text, connector text, through text, versions int[], per_second numeric, burst int, most int)
        on k.app = g.app and k.connector = g.connector
     where exists (select from statehouse.effect e
                    where e.tenant = g.tenant and e.app = g.app and e.connector = g.connector and e.state = 'due' and e.due_at <= statehouse.now()
                      and (e.through is not null or g.state <> 'closed' and not e.doubt))
     order by g.served_at, g.tenant limit 64
  loop
    return query
      select c.* from statehouse.claim_through_gate(worker, lane.tenant, lane.app, lane.connector, lane.through, lane.versions, lane.per_second, lane.burst,
                                                    least(lane.most, most - taken), lease) c;
    get diagnostics got = row_count;
    taken := taken + got;
    exit when taken >= most;
  end loop;
end $$;
comment on function statehouse.claim_through(text, jsonb, int, interval) is
  'Lends due effects that go out through another connector than their own: at most so many, gates in turn';

grant execute on function statehouse.claim_through(text, jsonb, int, interval),
  statehouse.claim_through_gate(text, int, text, text, text, int[], numeric, int, int, interval) to statehouse_worker;
