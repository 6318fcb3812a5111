//! What has to be there, or to happen, so that a point has something to write.

use statehouse_testkit::people::{NORDUR, Persona};

use crate::check::{Breach, Invariant};
use crate::kill::Way;
use crate::provider::NAMES;
use crate::scene::{APP, BOUND, Run, Scene};
use crate::wait;

/// 32 bytes in base64.
const MASTER: &str = "bWFzdGVyIHNlY3JldCBvZiB0aGUgY3Jhc2ggdGVzdHM=";

/// Where nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// Rows that are over: a key, a session, a message to a subscriber, an upload, and a message that was ignored long ago.
const OVER: [&str; 6] = [
    "insert into statehouse.key (tenant, actor, key, fingerprint, entity, record, seq, at)
       values (1, gen_random_uuid(), 'old', sha256(''), 'proof.parcel', gen_random_uuid(), 1, statehouse.now() - interval '40 days')",
    "insert into statehouse.session (token_hash, tenant, actor, role, kind, app, created_at, expires)
       values (sha256(gen_random_uuid()::text::bytea), 1, gen_random_uuid(), 'admin', 'member', 'proof', now() - interval '9 days', now() - interval '8 days')",
    "with made as (
       insert into statehouse.subscription (tenant, app, actor, label, url, events, state, ended_why, xid, n)
         select 1, 'proof', member, 'over', 'https://127.0.0.1/', '{*}', 'ended', 'over', '1', 0 from statehouse.membership where tenant = 1 limit 1 returning *)
     insert into statehouse.delivery (tenant, subscription, xid, n, type, body, state, finished_at)
       select tenant, id, '1', 1, 'parcel.tell', '{}', 'done', statehouse.now() - interval '60 days' from made",
    "insert into statehouse.upload (tenant, id, actor, slot, name, media_type, size, expires_at)
       values (1, gen_random_uuid(), gen_random_uuid(), 1, 'over', 'text/plain', 5, statehouse.now() - interval '1 day')",
    "select statehouse.use_bytes(1, 5)",
    "update statehouse.message set settled_at = settled_at - interval '9 years' where record is null and state = 'ignored'",
];

impl Way {
    /// How the worker is run that comes to the point.
    pub(crate) fn run(self) -> Run {
        let own = |name: &str, value: &str| vec![(format!("STATEHOUSE_{name}"), value.to_owned())];
        let env = match self {
            Way::Waiting => own("WORKER__LEASE_S", "2"),
            Way::Telling | Way::TellingOn => own("WEBHOOKS__MASTER_SECRET", MASTER),
            Way::Roomy => own("WORKER__CONNECTIONS", "16"),
            Way::Astray => NAMES.iter().flat_map(|name| own(&format!("CONNECTORS__{}__BASE", name.to_uppercase()), NOWHERE)).collect(),
            _ => Vec::new(),
        };
        Run { env, ..Run::default() }
    }

    /// What has to be there before anything is owed.
    pub(crate) async fn prepare(self, scene: &Scene) {
        match self {
            Way::Swept => {
                for statement in OVER {
                    scene.rows.run(statement).await;
                }
            }
            Way::Telling | Way::TellingOn => {
                // The last place of the feed is one that was seen already.
                scene
                    .rows
                    .run(&format!(
                        "insert into statehouse.subscription (tenant, app, actor, label, url, events, xid, n)
                           select {}, '{APP}', '{}', 'all', 'https://127.0.0.1/', '{{*}}', xid, n from statehouse.event order by xid desc, n desc limit 1",
                        NORDUR.number,
                        Persona::member(APP, NORDUR, "admin").id()
                    ))
                    .await;
            }
            _ => {}
        }
    }

    /// What happens once the moves are made, before the point is waited for.
    pub(crate) async fn happens(self, scene: &Scene) {
        if self == Way::Polled {
            scene.cleared().await;
            scene.pass("21 seconds").await;
        }
    }

    /// So much time passes while somebody stands at `point`: what would be written is otherwise what stands there.
    pub(crate) fn while_held(self, point: &str) -> Option<&'static str> {
        match point {
            "store.beat_effects" => Some("1 second"),
            "store.claim_deliveries" => Some("10 seconds"),
            _ => None,
        }
    }

    /// Whether the point is waited for only when something is owed to subscribers.
    pub(crate) fn after_fan_out(self, point: &str) -> bool {
        self.tells() && point == "store.claim_deliveries"
    }
}

/// Whoever subscribed is owed each event once; then nobody is subscribed any more.
pub(crate) async fn told(scene: &Scene) -> Option<Breach> {
    let missing =
        "select count(*) from statehouse.subscription s join statehouse.event e on e.tenant = s.tenant and (e.xid, e.n) > (s.xid, s.n)
                    where s.state = 'active'";
    let all = wait::within(BOUND, async || scene.count(missing).await == 0).await;
    let wrong = "select count(*) from statehouse.subscription s
                   join statehouse.event e on e.tenant = s.tenant and e.n > (select min(d.n) from statehouse.delivery d where d.subscription = s.id)
                   left join statehouse.delivery d on d.tenant = s.tenant and d.subscription = s.id and (d.xid, d.n) = (e.xid, e.n)
                  where s.state = 'active' and d.n is null";
    let wrong = scene.count(wrong).await;
    scene.rows.run("update statehouse.subscription set state = 'ended', ended_why = 'over' where state = 'active'").await;
    (!all || wrong > 0)
        .then(|| Breach::new(Invariant::Missing, format!("not all is taken up for subscribers ({all}), {wrong} events are owed to nobody")))
}
