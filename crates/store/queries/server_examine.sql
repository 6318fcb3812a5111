-- What the server is and how durable it is; settings only.
select current_setting('server_version_num')::int as version,
       'PostgreSQL ' || current_setting('server_version') as said,
       current_setting('fsync') as fsync,
       current_setting('full_page_writes') as full_page_writes,
       current_setting('synchronous_commit') as synchronous_commit,
       current_user::text as administrator,
       (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) as superuser
