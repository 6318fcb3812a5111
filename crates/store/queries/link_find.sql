-- A link as those see it who may make its like; by link_pkey.
select json_build_object('id', l.link, 'purpose', l.purpose, 'entity', l.entity, 'record', l.record, 'made_by', l.made_by,
         'created_at', to_char(l.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'expires_at', to_char(l.expires at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         'uses', l.uses, 'used', l.used,
         'revoked_at', to_char(l.revoked_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))::text
  from statehouse.link_find($1) l
