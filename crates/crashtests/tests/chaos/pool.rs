//! One connection, held by somebody else: who cannot be served is told so soon, and everybody else goes on.

use std::time::Duration;

use statehouse_crashtests::wait;

use crate::asked::{Acked, Kind, Told};
use crate::caller::Caller;
use crate::facts::facts;
use crate::judge::judge;
use crate::load::Load;
use crate::works::{APP, BOUND, Works, number};

const CLIENTS: usize = 200;
/// Who waits for a connection is answered after half a second; nine of ten within this, and what this machine takes at the
/// moment to answer somebody who waits for nothing.
const REFUSED_WITHIN_S: f64 = 1.0;
/// So many are refused before the connection comes free.
const REFUSALS: u32 = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_one_refuses_soon_and_loses_nothing() {
    held(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_two_refuses_soon_and_loses_nothing() {
    held(2).await;
}

/// All connections of the pool wait for locks that somebody holds.
async fn held(pool: usize) {
    let size = pool.to_string();
    let env = [
        ("STATEHOUSE_POOLS__API", size.as_str()),
        ("STATEHOUSE_POOLS__SERVER", "1"),
        ("STATEHOUSE_POOLS__ENTRY", "1"),
        ("STATEHOUSE_INBOUND__CONNECTIONS", "1"),
    ];
    let mut works = Works::open(&env).await;
    let worker = works.work(&[("STATEHOUSE_WORKER__CONNECTIONS", "1")]).await;
    // Signed in, and everything warm.
    let load = Load::start(&works, CLIENTS);
    load.offer(8);
    assert!(wait::within(BOUND, async || load.acked() == 8).await, "nothing is acknowledged: {:?}", load.told());
    let before = load.told();
    // Somebody holds payments that nobody else asks for, and so whoever moves them.
    let holder = works.postgres.connect("postgres", APP).await;
    let last = &works.payments[works.payments.len() - pool..];
    holder.batch_execute("begin; set local idle_in_transaction_session_timeout = 0").await.expect("begun");
    for id in last {
        holder.batch_execute(&format!("select from outage.payment where id = '{id}' for update")).await.expect("locked");
    }
    let stuck: Vec<_> =
        last.iter().enumerate().map(|(nth, id)| tokio::spawn(charge(works.address, works.key.clone(), id.clone(), nth))).collect();
    let admin = works.postgres.connect("postgres", APP).await;
    let waits = "select count(*) from pg_stat_activity where usename = 'statehouse_api' and wait_event_type = 'Lock'";
    let pool_wide = i64::try_from(pool).expect("small");
    assert!(wait::within(BOUND, async || number(&admin, waits).await == pool_wide).await, "the pool is not held");

    let scans = number(&admin, "select count(*) from statehouse.event where verb = 'scan'").await;
    load.offer(CLIENTS);
    let refused = |told: &Told| told.refusals.iter().filter(|(what, _)| what.starts_with("503")).map(|(_, many)| *many).sum::<u32>();
    let mut health = Caller::new(works.address);
    let (mut asked, mut ill, mut late_s) = (0, 0, 0.0_f64);
    let many = wait::within(BOUND, async || {
        asked += 1;
        let began = std::time::Instant::now();
        ill += u32::from(!health.ask("GET", "/health/ready", &[], "").await.is_ok_and(|answer| answer.status == 200));
        late_s = late_s.max(began.elapsed().as_secs_f64());
        refused(&load.told()) - refused(&before) >= REFUSALS
    })
    .await;
    assert!(many, "they are not refused: {:?}", load.told());
    // One in eight was a message: all of these were thanked for, and worked off by a worker with one connection.
    let messages = (8..8 + CLIENTS).filter(|nth| nth % 8 == 7).count();
    let worked = "select count(*) from statehouse.event where verb = 'scan'";
    let goes_on = wait::within(BOUND, async || number(&admin, worked).await - scans == i64::try_from(messages).expect("small")).await;
    let thanked = load.acked() - 8;
    assert!(goes_on, "messages wait for people: {thanked} of {messages} are thanked for");
    assert_eq!(thanked, messages, "a move was acknowledged that no connection was there for");
    assert_eq!((ill, number(&admin, waits).await), (0, pool_wide), "health was asked {asked} times");
    let during = load.told();
    let mut took_s = during.took_s.clone();
    took_s.sort_by(f64::total_cmp);
    let (tenth, slowest) = (took_s[took_s.len() * 9 / 10], took_s[took_s.len() - 1]);

    holder.batch_execute("rollback").await.expect("given up");
    let mut acked = Vec::new();
    for one in stuck {
        acked.push(one.await.expect("it ends"));
    }
    let (more, told) = load.stop().await;
    acked.extend(more);
    works.rests().await;
    let verdict = judge(&facts(&mut works, acked).await);
    println!(
        "pool of {pool}, {CLIENTS} clients: {} refusals with 503, nine of ten within {tenth:.2} s, the slowest after {slowest:.2} s, {messages} messages thanked for meanwhile, health 200 {asked} of {asked} times; {verdict}; callers were told {:?}",
        refused(&during),
        told.refusals
    );
    verdict.assert();
    assert!(told.is_passing() && told.rude.is_empty(), "{told:?}");
    assert!(tenth <= REFUSED_WITHIN_S + late_s, "one refusal in ten took {tenth:.2} s or longer, health at most {late_s:.2} s");
    drop(worker);
}

/// A move that waits for as long as it takes.
async fn charge(address: std::net::SocketAddr, key: String, record: String, nth: usize) -> Acked {
    let mut caller = Caller::new(address);
    let (bearer, own) = (format!("Bearer {key}"), format!("stuck{nth}"));
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", own.as_str())];
    let path = format!("/v1/payment/{record}/transitions/charge");
    let began = std::time::Instant::now();
    loop {
        if caller.ask("POST", &path, &headers, "").await.is_ok_and(|answer| answer.is_yes()) {
            return Acked { key: own, kind: Kind::Charge, record };
        }
        assert!(began.elapsed() < BOUND * 2, "it is not answered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
