-- Ends a link and what was opened with it; by link_pkey.
select statehouse.link_revoke($1)
