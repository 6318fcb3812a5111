-- The settings without which no figure counts, and the server's own words about itself.
select current_setting('fsync') || current_setting('synchronous_commit') || current_setting('full_page_writes'),
       current_setting('server_version'), current_setting('data_checksums'),
       split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int
