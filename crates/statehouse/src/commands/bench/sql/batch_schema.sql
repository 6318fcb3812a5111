-- What a caller of the bulk function holds in its hands: ids, and a key for each.
create schema bench;
create table bench.batch (n int primary key, ids uuid[] not null, keys text[] not null);
grant usage on schema bench to statehouse_api;
grant select on bench.batch to statehouse_api;
