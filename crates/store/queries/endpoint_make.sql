-- A new address of the caller's tenant; the token is in this answer and nowhere else.
select json_build_object('id', e.id, 'source', $1::text, 'account', nullif($2::text, ''), 'label', $3::text, 'created_at', e.created_at, 'token', e.token)
  from statehouse.make_endpoint($1, $2, $3) e
