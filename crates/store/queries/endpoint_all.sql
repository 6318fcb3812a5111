-- Every address of an app, for the administrator; by endpoint_pkey.
select json_build_object('tenant', t.slug, 'id', e.id, 'source', e.source, 'account', e.account, 'label', e.label,
                         'created_at', e.created_at, 'revoked_at', e.revoked_at)
  from statehouse.endpoint e
  join statehouse.tenant t on t.tenant = e.tenant
 where e.app = $1 and ($2::text is null or t.slug = $2)
 order by t.slug, e.source, e.created_at
 limit 10000
