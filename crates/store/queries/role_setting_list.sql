-- Settings that our roles begin with here, and that anybody who holds the login may have made: catalog only, few rows.
select r.rolname::text as role, s.setting
  from pg_catalog.pg_db_role_setting d
  join pg_catalog.pg_roles r on r.oid = d.setrole
  cross join lateral unnest(d.setconfig) as s (setting)
 where d.setdatabase in (0, (select b.oid from pg_catalog.pg_database b where b.datname = current_database()))
   and (r.rolname like 'statehouse\_%' or exists (select from pg_catalog.pg_namespace n where n.nspowner = r.oid and r.rolname like '%\_eye'))
 order by 1, 2
 limit 100
