//! The databases the attacks run in.

use statehouse_testkit::{Cluster, TestDatabase, orders};

/// What every attacked database holds besides the orders: sessions and keys that ended, and prices that changed since.
const ENDED: &str = "
insert into statehouse.session (token_hash, tenant, actor, role, kind, app, expires, revoked_at)
select sha256(convert_to('tok-' || v.token, 'UTF8')), s.tenant, s.actor, s.role, s.kind, s.app, v.expires, v.revoked
  from (values ('expired', now() - interval '1 second', null), ('revoked', now() + interval '1 day', now())) v (token, expires, revoked),
       (select * from statehouse.session where role = 'rep' and tenant = 1 order by id limit 1) s;
insert into statehouse.api_key (key_hash, tenant, member, app, label, expires, revoked_at)
select sha256(convert_to('key-' || v.key, 'UTF8')), k.tenant, k.member, k.app, 'ended', v.expires, v.revoked
  from (values ('expired', now() - interval '1 second', null), ('revoked', null, now())) v (key, expires, revoked),
       (select * from statehouse.api_key order by key_hash limit 1) k;
update orders.tariff set amount = amount * 2 where item = 'print_sheet';";

/// Orders in every state, in a database of the test's own.
pub fn fresh(hint: &str) -> TestDatabase {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&orders::in_every_state(cluster), hint);
    // A copy has its template's contents, not its template's privileges.
    db.psql_as_superuser(&format!(
        "revoke all on database {0} from public; grant connect on database {0} to statehouse_api, statehouse_agent, statehouse_worker, statehouse_read, statehouse_server;{ENDED}",
        db.name()
    ))
    .ok();
    db
}
