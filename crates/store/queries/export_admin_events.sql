-- Who changed members, keys, rules and the tenant; by admin_event_pkey.
select jsonb_build_object('n', e.n, 'at', e.at, 'actor', e.actor, 'what', e.what, 'member', e.member, 'about', e.about)::text
  from statehouse.admin_event e
 where e.tenant = $1
 order by e.n
