//! Being woken, and not disturbing anybody while awake.

use std::time::{Duration, Instant};

use statehouse_store::effects::{Woken, listen};
use statehouse_testkit::people::{NORDUR, Persona};

use crate::world::{APP, world};

/// Longer than anything here takes; whoever waits that long was not woken.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_sleeper_is_woken_and_the_wide_awake_are_not_rung() {
    let world = world("wake").await;
    let mut ear = listen(&world.place).await.unwrap();
    // Awake: what is committed tells nobody.
    world.sales("post", 3).await;
    assert_eq!(ear.wait(Duration::from_millis(50)).await.unwrap(), Woken::Time);
    ear.lie_down().await.unwrap();
    let (woken, _) = tokio::join!(ear.wait(LONG), world.sales("post", 1));
    assert_eq!(woken.unwrap(), Woken::Rung);
    // Awake again.
    world.sales("post", 3).await;
    assert_eq!(ear.wait(Duration::from_millis(50)).await.unwrap(), Woken::Time);
    ear.lie_down().await.unwrap();
    ear.get_up().await.unwrap();
    world.sales("post", 1).await;
    assert_eq!(ear.wait(Duration::from_millis(50)).await.unwrap(), Woken::Time);
}

/// Whoever owes something when somebody lies down either is seen by the last look or rings: the sleeper waits for the
/// transaction to end before it looks.
#[tokio::test]
async fn nothing_falls_between_the_last_look_and_sleep() {
    let world = world("wake_gap").await;
    let mut ear = listen(&world.place).await.unwrap();
    let clerk = world.db.as_persona(&Persona::member(APP, NORDUR, "clerk")).await;
    clerk.batch_execute("insert into till_clerk.sale (amount) values (1)").await.unwrap();
    clerk.batch_execute("begin; update till_clerk.sale set fire = 'post'").await.unwrap();
    // It does not ring, for nobody slept when it wrote; so nobody may sleep soundly before it is through.
    let began = Instant::now();
    ear.lie_down().await.unwrap();
    assert!(world.claim("w1", &["post"], 10).await.is_empty(), "the last look sees nothing");
    assert_eq!(ear.wait(LONG).await.unwrap(), Woken::Time);
    assert!(began.elapsed() < LONG / 2, "it slept soundly over what was about to be committed");
    // Or, where the transaction ends in time, the last look sees it.
    let (lain, committed) = tokio::join!(ear.lie_down(), clerk.batch_execute("commit"));
    lain.unwrap();
    committed.unwrap();
    assert_eq!(world.claim("w1", &["post"], 10).await.len(), 1);
    assert_eq!(ear.wait(Duration::from_millis(50)).await.unwrap(), Woken::Time);
}

/// Of two processes one sleeps by the lock, the other by short naps; both hear.
#[tokio::test]
async fn two_sleepers() {
    let world = world("wake_two").await;
    let (mut first, mut second) = (listen(&world.place).await.unwrap(), listen(&world.place).await.unwrap());
    first.lie_down().await.unwrap();
    second.lie_down().await.unwrap();
    let naps = Instant::now();
    assert_eq!(second.wait(LONG).await.unwrap(), Woken::Time);
    assert!(naps.elapsed() < LONG / 2, "without the lock a sleep is short");
    let (one, two, _) = tokio::join!(first.wait(LONG), second.wait(LONG), world.sales("post", 1));
    assert_eq!((one.unwrap(), two.unwrap()), (Woken::Rung, Woken::Rung));
}

/// A lost connection is an error, never a sleep.
#[tokio::test]
async fn a_lost_connection_is_told() {
    let world = world("wake_lost").await;
    let mut ear = listen(&world.place).await.unwrap();
    ear.lie_down().await.unwrap();
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%pg_advisory_lock%'";
    let (woken, ended) = tokio::join!(ear.wait(LONG), world.text(end));
    assert_eq!(ended, "1");
    assert_eq!(woken.unwrap_err().fault().code.code, "SH5007");
}
