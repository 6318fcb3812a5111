-- Every tenant with its limits, by slug; reads the tables whole, for the operator.
select t.slug, t.name, t.market,
       to_char(t.suspended_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as suspended_at,
       to_char(t.erased_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as erased_at,
       (select count(distinct m.member) from statehouse.membership m where m.tenant = t.tenant) as members,
       t.audit_root, coalesce(to_jsonb(l) - 'tenant', '{}') as limits
  from statehouse.tenant t left join statehouse.tenant_limit l on l.tenant = t.tenant
 order by t.slug
