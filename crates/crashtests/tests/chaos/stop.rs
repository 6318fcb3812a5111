//! The power goes, again and again, under load: whatever was acknowledged is there afterwards.

use std::collections::BTreeSet;

use statehouse_crashtests::wait;

use crate::asked::Kind;
use crate::facts::{facts, keys, messages};
use crate::judge::{judge, missing};
use crate::load::Load;
use crate::postgres::Mode;
use crate::works::{APP, BOUND, Works};

const CYCLES: usize = 8;
const CYCLES_LONG: usize = 200;
const CALLERS: usize = 16;
/// So many are acknowledged between two stops, at least.
const BETWEEN: usize = 24;
/// So many are always asked for and not yet answered.
const AHEAD: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_an_immediate_stop() {
    let cycles = if std::env::var_os("STATEHOUSE_TEST_LONG").is_some() { CYCLES_LONG } else { CYCLES };
    let mut works = Works::open(&[]).await;
    let worker = works.work(&[]).await;
    let load = Load::start(&works, CALLERS);
    let mut lost = BTreeSet::new();
    for cycle in 0..cycles {
        let before = load.acked();
        let goes_on = wait::within(BOUND, async || {
            load.offer(AHEAD.saturating_sub(load.offered() - load.acked()));
            load.acked() >= before + BETWEEN
        })
        .await;
        assert!(goes_on, "cycle {cycle}: nothing is acknowledged any more: {:?}", load.told());
        tokio::task::block_in_place(|| works.postgres.stop(Mode::Immediate));
        // Nobody can be told anything any more that is not on the disk.
        let acked = load.all_acked();
        tokio::task::block_in_place(|| works.postgres.ctl(&["start"]));
        let admin = works.postgres.connect("postgres", APP).await;
        lost.extend(missing(&acked, &keys(&admin).await, &messages(&admin).await));
        assert!(lost.is_empty(), "cycle {cycle}: {lost:#?}");
    }
    let (acked, told) = load.stop().await;
    works.rests().await;
    let thanked = acked.iter().filter(|one| one.kind == Kind::Scan).count();
    let verdict = judge(&facts(&mut works, acked).await);
    println!(
        "stop -m immediate: {cycles} cycles, {} moves answered 2xx and {thanked} messages thanked for; {verdict}; callers were told {:?}",
        verdict.acked - thanked,
        told.refusals
    );
    verdict.assert();
    assert!(told.is_passing() && told.rude.is_empty(), "{told:?}");
    drop(worker);
}
