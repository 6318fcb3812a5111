-- Everything `plan` compares, read from pg_catalog alone: one row per object as (kind, schema, name, part, facts).
-- $1 text[]: the schemas that are ours. $2 text[]: the roles that are ours.
-- Run `PREPARE` (catalog.rs) first, in the same read-only transaction: printed definitions depend on settings.
-- Keys that begin with `_` help to order or to write the SQL and are never compared.
with ours as materialized (
  select oid, nspname, nspowner, nspacl from pg_namespace where nspname = any ($1::text[])
), extended as materialized (
  select classid, objid from pg_depend where deptype = 'e'
), rel as materialized (
  select c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
         c.relpersistence, c.relispartition, c.relpartbound, c.relreplident, c.reltype, c.reltuples, p.relname as parent, p.oid as parent_oid
  from pg_class c
  join ours n on n.oid = c.relnamespace
  left join pg_inherits i on c.relispartition and i.inhrelid = c.oid
  left join pg_class p on p.oid = i.inhparent
  where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
    and not exists (select from extended e where e.classid = 'pg_class'::regclass and e.objid = c.oid)
), tab as materialized (
  select * from rel where relkind in ('r', 'p') and not relispartition
), partition as materialized (
  select * from rel where relkind in ('r', 'p') and relispartition
), view as materialized (
  select * from rel where relkind in ('v', 'm', 'f')
), sequence as materialized (
  select r.*, s.seqtypid, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
         (select jsonb_build_array(o.nspname, o.relname, a.attname)
          from pg_depend d
          join rel o on o.oid = d.refobjid
          join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
          where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype = 'a' and d.refobjsubid > 0) as owned_by
  from rel r
  join pg_sequence s on s.seqrelid = r.oid
  where not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = r.oid and d.deptype = 'i')
), col as materialized (
  select t.oid, t.nspname, t.relname, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attidentity, a.attgenerated,
         a.attacl, a.attcollation, a.attoptions, a.attstorage, t.relowner, d.oid as default_oid, pg_get_expr(d.adbin, d.adrelid) as default_text
  from tab t
  join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
), viewed as materialized (
  select v.oid, jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation::text) order by a.attnum) as columns,
         coalesce(jsonb_object_agg(a.attname, d.description) filter (where d.description is not null), '{}') as comments,
         coalesce(jsonb_object_agg(a.attname, pg_get_expr(f.adbin, f.adrelid)) filter (where f.oid is not null), '{}') as defaults
  from view v
  join pg_attribute a on a.attrelid = v.oid and a.attnum > 0 and not a.attisdropped
  left join pg_description d on d.classoid = 'pg_class'::regclass and d.objoid = v.oid and d.objsubid = a.attnum
  left join pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
  group by v.oid
), proc as materialized (
  select p.oid, n.nspname, p.proname, oidvectortypes(p.proargtypes) as types, p.prokind, p.proowner, p.proacl, p.provolatile,
         p.prosecdef, p.proleakproof, p.proparallel, p.proconfig,
         case when p.prokind <> 'a' then pg_get_functiondef(p.oid) else 'aggregate ' || pg_get_function_arguments(p.oid) end as def,
         pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as returns
  from pg_proc p
  join ours n on n.oid = p.pronamespace
  where not exists (select from extended e where e.classid = 'pg_proc'::regclass and e.objid = p.oid)
), type as materialized (
  select t.oid, n.nspname, t.typname, t.typtype, t.typowner, t.typacl, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault, t.typarray, t.typrelid
  from pg_type t
  join ours n on n.oid = t.typnamespace
  where t.typtype in ('e', 'd', 'c', 'r')
    and (t.typrelid = 0 or exists (select from pg_class c where c.oid = t.typrelid and c.relkind = 'c'))
    and not exists (select from extended e where e.classid = 'pg_type'::regclass and e.objid = t.oid)
), con as materialized (
  select c.oid, t.nspname, t.relname, c.conname, c.contype, c.convalidated, c.conindid, pg_get_constraintdef(c.oid) as def
  from pg_constraint c
  join tab t on t.oid = c.conrelid
  where c.contype in ('c', 'f', 'p', 'u', 'x') and c.conparentid = 0
), ind as materialized (
  select i.indexrelid as oid, t.nspname, t.relname, c.relname as index, i.indisvalid and i.indisready as valid, c.relkind, pg_get_indexdef(i.indexrelid) as def
  from pg_index i
  join tab t on t.oid = i.indrelid
  join pg_class c on c.oid = i.indexrelid
  where not exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x'))
), trig as materialized (
  select g.oid, r.nspname, r.relname, r.oid as relation, g.tgname, g.tgenabled, g.tgtype, g.tgisinternal, g.tgparentid, g.tgfoid,
         case when not g.tgisinternal then pg_get_triggerdef(g.oid) end as def
  from pg_trigger g
  join rel r on r.oid = g.tgrelid
), pol as materialized (
  select p.oid, p.polrelid, r.nspname, r.relname, r.relispartition, p.polname,
         jsonb_build_object('cmd', p.polcmd, 'permissive', p.polpermissive,
           'roles', (select jsonb_agg(coalesce(a.rolname, 'public') order by a.rolname) from unnest(p.polroles) x(id) left join pg_roles a on a.oid = x.id),
           'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)) as facts
  from pg_policy p
  join rel r on r.oid = p.polrelid
), rule as materialized (
  select w.oid, r.nspname, r.relname, w.rulename, w.ev_enabled, pg_get_ruledef(w.oid) as def
  from pg_rewrite w
  join rel r on r.oid = w.ev_class
  where w.rulename <> '_RETURN'
), guarded as (
  select 'pg_class'::regclass as classid, oid as objid, 0 as objsubid, relowner as owner,
         coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)) as acl from rel
  union all
  select 'pg_class'::regclass, r.oid, a.attnum, r.relowner, a.attacl from rel r join pg_attribute a on a.attrelid = r.oid and a.attacl is not null
  union all
  select 'pg_namespace'::regclass, oid, 0, nspowner, coalesce(nspacl, acldefault('n', nspowner)) from ours
  union all
  select 'pg_proc'::regclass, oid, 0, proowner, coalesce(proacl, acldefault('f', proowner)) from proc
  union all
  select 'pg_type'::regclass, oid, 0, typowner, coalesce(typacl, acldefault('T', typowner)) from type
  union all
  select 'pg_default_acl'::regclass, d.oid, 0, d.defaclrole, d.defaclacl from pg_default_acl d
  union all
  -- What strangers may do in the database is the operator's business; what everybody and our roles may do is ours.
  select 'pg_database'::regclass, d.oid, 0, d.datdba,
         (select array_agg(makeaclitem(x.grantee, x.grantor, x.privilege_type, x.is_grantable))
          from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
          where x.grantee <> d.datdba and (x.grantee = 0 or pg_get_userbyid(x.grantee) = any ($2::text[])))
  from pg_database d where d.datname = current_database()
), granted as materialized (
  select g.classid, g.objid, g.objsubid, jsonb_object_agg(g.grantee, g.privileges) as grants
  from (
    select s.classid, s.objid, s.objsubid,
           case when x.grantee = s.owner then '(owner)' when x.grantee = 0 then 'public' else coalesce(r.rolname, x.grantee::text) end as grantee,
           jsonb_agg(distinct x.privilege_type || case when x.is_grantable then '*' else '' end
                     order by x.privilege_type || case when x.is_grantable then '*' else '' end) as privileges
    from guarded s
    cross join aclexplode(s.acl) x
    left join pg_roles r on r.oid = x.grantee
    group by 1, 2, 3, 4
  ) g
  group by 1, 2, 3
), named as materialized (
  select 'pg_class'::regclass::oid as classid, oid as objid, 0 as objsubid, 'table' as kind, nspname::text as schema, relname::text as name, ''::text as part from tab
  union all select 'pg_type'::regclass, t.oid, 0, 'table', nspname, relname, '' from tab r join pg_type t on t.oid = r.reltype or t.typelem = r.reltype and t.typcategory = 'A'
  union all select 'pg_class'::regclass, oid, 0, 'partition', nspname, relname, '' from partition
  union all select 'pg_class'::regclass, oid, 0, 'view', nspname, relname, '' from view
  union all select 'pg_type'::regclass, t.oid, 0, 'view', nspname, relname, '' from view r join pg_type t on t.oid = r.reltype or t.typelem = r.reltype and t.typcategory = 'A'
  union all select 'pg_class'::regclass, v.oid, a.attnum, 'view', nspname, relname, '' from view v join pg_attribute a on a.attrelid = v.oid and a.attnum > 0
  union all select 'pg_rewrite'::regclass, w.oid, 0, 'view', nspname, relname, '' from view v join pg_rewrite w on w.ev_class = v.oid and w.rulename = '_RETURN'
  union all select 'pg_rewrite'::regclass, oid, 0, 'rule', nspname, relname, rulename from rule
  union all select 'pg_class'::regclass, oid, 0, 'sequence', nspname, relname, '' from sequence
  union all select 'pg_class'::regclass, oid, attnum, 'column', nspname, relname, attname from col
  union all select 'pg_attrdef'::regclass, default_oid, 0, 'column', nspname, relname, attname from col where default_oid is not null
  union all select 'pg_proc'::regclass, oid, 0, 'function', nspname, proname, types from proc
  union all select 'pg_type'::regclass, oid, 0, 'type', nspname, typname, '' from type
  union all select 'pg_type'::regclass, typarray, 0, 'type', nspname, typname, '' from type where typarray <> 0
  union all select 'pg_constraint'::regclass, oid, 0, 'constraint', nspname, relname, conname from con
  union all select 'pg_class'::regclass, conindid, 0, 'constraint', nspname, relname, conname from con where contype in ('p', 'u', 'x')
  union all select 'pg_class'::regclass, oid, 0, 'index', nspname, relname, index from ind
  union all select 'pg_trigger'::regclass, oid, 0, 'trigger', nspname, relname, tgname from trig where not tgisinternal and tgparentid = 0
  union all select 'pg_policy'::regclass, oid, 0, 'policy', nspname, relname, polname from pol where not relispartition
), needing as materialized (
  select a.kind, a.schema, a.name, a.part, jsonb_agg(distinct jsonb_build_array(b.kind, b.schema, b.name, b.part)) as needs
  from pg_depend d
  join named a on a.classid = d.classid and a.objid = d.objid and a.objsubid = d.objsubid
  join named b on b.classid = d.refclassid and b.objid = d.refobjid and b.objsubid = d.refobjsubid
  where d.deptype in ('n', 'a', 'i') and a.kind <> 'sequence' and (a.kind, a.schema, a.name, a.part) <> (b.kind, b.schema, b.name, b.part)
  group by 1, 2, 3, 4
), object as (
  select 'schema' as kind, nspname::text as schema, nspname::text as name, ''::text as part, 'pg_namespace'::regclass::oid as classid, oid as objid, 0 as objsubid,
         jsonb_build_object('owner', pg_get_userbyid(nspowner)) as facts
  from ours
  union all
  select 'table', nspname, relname, '', 'pg_class'::regclass, oid, 0,
         jsonb_build_object('owner', pg_get_userbyid(relowner), 'rls', relrowsecurity, 'forced', relforcerowsecurity,
           'options', coalesce(to_jsonb(reloptions), '[]'), 'persistence', relpersistence, 'replica_identity', relreplident,
           'partition_key', pg_get_partkeydef(oid),
           'internal_off', (select count(*) from trig g where g.relation = tab.oid and g.tgisinternal and g.tgenabled <> 'O'),
           'heirs', (select coalesce(jsonb_agg(i.inhrelid::regclass::text order by i.inhrelid::regclass::text), '[]')
                     from pg_inherits i join pg_class h on h.oid = i.inhrelid where i.inhparent = tab.oid and not h.relispartition),
           '_oid', oid::int8, '_rows', reltuples::int8)
  from tab
  union all
  select 'partition', nspname, relname, '', 'pg_class'::regclass, oid, 0,
         jsonb_build_object('of', parent, 'owner', pg_get_userbyid(relowner), 'rls', relrowsecurity, 'forced', relforcerowsecurity, 'persistence', relpersistence,
           'policies', (select coalesce(jsonb_object_agg(p.polname, p.facts), '{}') from pol p where p.polrelid = partition.oid),
           'triggers_off', (select coalesce(jsonb_agg(jsonb_build_array(g.tgname, g.tgenabled) order by g.tgname), '[]') from trig g
                            where g.relation = partition.oid and g.tgparentid <> 0 and g.tgenabled <> 'O' and not g.tgisinternal),
           '_bound', pg_get_expr((select relpartbound from pg_class c where c.oid = partition.oid), oid))
  from partition
  union all
  select 'column', nspname, relname, attname, 'pg_class'::regclass, oid, attnum,
         jsonb_build_object('type', format_type(atttypid, atttypmod), 'collation', nullif(attcollation, (select t.typcollation from pg_type t where t.oid = atttypid))::regcollation::text,
           'not_null', attnotnull, 'default', default_text, 'identity', attidentity, 'generated', attgenerated, 'options', coalesce(to_jsonb(attoptions), '[]'),
           '_position', attnum)
  from col
  union all
  select 'constraint', nspname, relname, conname, 'pg_constraint'::regclass, oid, 0,
         jsonb_build_object('type', contype, 'def', regexp_replace(def, ' NOT VALID$', ''), 'validated', convalidated)
  from con
  union all
  select 'index', nspname, relname, index, 'pg_class'::regclass, oid, 0, jsonb_build_object('def', def, 'valid', valid, '_partitioned', relkind = 'I') from ind
  union all
  select 'trigger', nspname, relname, tgname, 'pg_trigger'::regclass, oid, 0,
         jsonb_build_object('def', def, 'enabled', tgenabled, '_before', tgtype & 2 = 2, '_row', tgtype & 1 = 1, '_function', tgfoid::regproc::text)
  from trig where not tgisinternal and tgparentid = 0
  union all
  select 'rule', nspname, relname, rulename, 'pg_rewrite'::regclass, oid, 0, jsonb_build_object('def', def, 'enabled', ev_enabled) from rule
  union all
  select 'policy', nspname, relname, polname, 'pg_policy'::regclass, oid, 0, facts from pol where not relispartition
  union all
  select 'view', nspname, relname, '', 'pg_class'::regclass, oid, 0,
         jsonb_build_object('owner', pg_get_userbyid(relowner), 'def', case when relkind in ('v', 'm') then pg_get_viewdef(oid) end, 'relkind', relkind,
           'options', coalesce(to_jsonb(reloptions), '[]'), 'columns', columns, 'defaults', defaults, 'column_comments', comments,
           'column_grants', (select coalesce(jsonb_object_agg(a.attname, g.grants), '{}') from granted g join pg_attribute a on a.attrelid = g.objid and a.attnum = g.objsubid
                             where g.classid = 'pg_class'::regclass and g.objid = view.oid and g.objsubid > 0),
           '_oid', oid::int8)
  from view join viewed using (oid)
  union all
  select 'function', nspname, proname, types, 'pg_proc'::regclass, oid, 0,
         jsonb_build_object('owner', pg_get_userbyid(proowner), 'def', def, 'kind', prokind, 'arguments', arguments, 'returns', returns, 'volatility', provolatile,
           'security_definer', prosecdef, 'leakproof', proleakproof, 'parallel', proparallel, 'config', coalesce(to_jsonb(proconfig), '[]'))
  from proc
  union all
  select 'sequence', nspname, relname, '', 'pg_class'::regclass, oid, 0,
         jsonb_build_object('owner', pg_get_userbyid(relowner), 'type', format_type(seqtypid, null), 'start', seqstart, 'increment', seqincrement, 'min', seqmin,
           'max', seqmax, 'cache', seqcache, 'cycle', seqcycle, 'owned_by', owned_by)
  from sequence
  union all
  select 'type', nspname, typname, '', 'pg_type'::regclass, oid, 0,
         jsonb_build_object('owner', pg_get_userbyid(typowner), 'type', typtype,
           'labels', (select coalesce(jsonb_agg(e.enumlabel order by e.enumsortorder), '[]') from pg_enum e where e.enumtypid = type.oid),
           'base', case when typtype = 'd' then format_type(typbasetype, typtypmod) end, 'not_null', typnotnull, 'default', typdefault,
           'constraints', (select coalesce(jsonb_object_agg(k.conname, pg_get_constraintdef(k.oid)), '{}') from pg_constraint k where k.contypid = type.oid and k.contype = 'c'),
           'attributes', (select coalesce(jsonb_agg(jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) order by a.attnum), '[]')
                          from pg_attribute a where a.attrelid = type.typrelid and a.attnum > 0 and not a.attisdropped),
           'subtype', (select format_type(g.rngsubtype, null) from pg_range g where g.rngtypid = type.oid))
  from type
  union all
  select 'default_grant', coalesce(n.nspname, ''), pg_get_userbyid(d.defaclrole), d.defaclobjtype::text, 'pg_default_acl'::regclass, d.oid, 0, '{}'
  from pg_default_acl d
  left join pg_namespace n on n.oid = d.defaclnamespace
  where n.nspname = any ($1::text[]) or (d.defaclnamespace = 0 and pg_get_userbyid(d.defaclrole) = any ($2::text[]))
  union all
  select 'database', '', '', '', 'pg_database'::regclass, d.oid, 0, '{}' from pg_database d where d.datname = current_database()
  union all
  select 'role', '', rolname, '', 'pg_authid'::regclass, oid, 0,
         jsonb_build_object('login', rolcanlogin, 'super', rolsuper, 'bypassrls', rolbypassrls, 'createrole', rolcreaterole, 'createdb', rolcreatedb,
           'inherit', rolinherit, 'replication', rolreplication, 'limit', rolconnlimit,
           'settings', (select coalesce(jsonb_agg(x.setting order by x.setting), '[]') from pg_db_role_setting s, unnest(s.setconfig) x(setting)
                        where s.setrole = pg_roles.oid and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))))
  from pg_roles where rolname = any ($2::text[])
  union all
  select 'membership', '', g.rolname, m.rolname, 0, 0, 0, jsonb_build_object('admin', bool_or(x.admin_option))
  from pg_auth_members x
  join pg_roles g on g.oid = x.roleid
  join pg_roles m on m.oid = x.member
  where g.rolname = any ($2::text[]) or m.rolname = any ($2::text[])
  group by g.rolname, m.rolname
  union all
  select 'publication', '', p.pubname, '', 'pg_publication'::regclass, p.oid, 0,
         jsonb_build_object('owner', pg_get_userbyid(p.pubowner), 'all_tables', p.puballtables,
           'tables', (select coalesce(jsonb_agg(r.nspname || '.' || r.relname order by r.nspname, r.relname), '[]')
                      from pg_publication_rel x join rel r on r.oid = x.prrelid where x.prpubid = p.oid),
           'schemas', (select coalesce(jsonb_agg(n.nspname order by n.nspname), '[]') from pg_publication_namespace x join ours n on n.oid = x.pnnspid where x.pnpubid = p.oid))
  from pg_publication p
  where p.puballtables
    or exists (select from pg_publication_rel x join rel r on r.oid = x.prrelid where x.prpubid = p.oid)
    or exists (select from pg_publication_namespace x join ours n on n.oid = x.pnnspid where x.pnpubid = p.oid)
  union all
  select 'event_trigger', '', evtname, '', 'pg_event_trigger'::regclass, e.oid, 0,
         jsonb_build_object('event', evtevent, 'tags', coalesce(to_jsonb(evttags), '[]'), 'enabled', evtenabled, 'function', evtfoid::regproc::text)
  from pg_event_trigger e
  where not exists (select from extended x where x.classid = 'pg_event_trigger'::regclass and x.objid = e.oid)
)
select o.kind, o.schema, o.name, o.part,
       o.facts
         || case when o.kind in ('schema', 'table', 'partition', 'column', 'view', 'sequence', 'function', 'type', 'default_grant', 'database')
                 then jsonb_build_object('grants', coalesce(g.grants, '{}')) else '{}' end
         || case when o.kind not in ('partition', 'membership', 'default_grant', 'database')
                 then jsonb_build_object('comment', coalesce(d.description, s.description)) else '{}' end
         || case when n.needs is not null then jsonb_build_object('_needs', n.needs) else '{}' end as facts
from object o
left join granted g on g.classid = o.classid and g.objid = o.objid and g.objsubid = o.objsubid
left join pg_description d on d.classoid = o.classid and d.objoid = o.objid and d.objsubid = o.objsubid
left join pg_shdescription s on o.objsubid = 0 and s.classoid = o.classid and s.objoid = o.objid
left join needing n on n.kind = o.kind and n.schema = o.schema and n.name = o.name and n.part = o.part
order by o.kind collate "C", o.schema collate "C", o.name collate "C", o.part collate "C"
