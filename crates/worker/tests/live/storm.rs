//! E18: ten thousand effects for a provider that takes ten a second, and refuses everything for a while now and then.

use std::time::{Duration, Instant};

use statehouse_sandbox::{Limit, Line, Switch};

use crate::world::World;

const EFFECTS: usize = 10_000;
const STORM_EVERY: Duration = Duration::from_secs(100);
const STORM: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_at_ten_a_second() {
    let began = Instant::now();
    let world = World::new().await;
    let worker = world.worker("one").await;
    world.sandbox.limit("k", Some(Limit { per_second: 10.0, burst: 10.0, penalty_s: None })).expect("a limit");
    let titles: Vec<String> = (0..EFFECTS / 10).map(|nth| format!("n{nth}")).collect();
    world.notes(&titles.iter().map(String::as_str).collect::<Vec<_>>(), "tell_often");
    assert_eq!(world.states().await, format!("due {EFFECTS}"));
    let (mut waited, mut storms) = (Duration::ZERO, 0);
    let mut turned = worker.effects().await.expect("a turn");
    while let Some(next) = worker.next().await.expect("an answer") {
        // What half a second lets through may go at once, so half a second is waited for.
        let next = next.max(Duration::from_millis(500));
        world.wait(next).await;
        waited += next;
        if waited > STORM_EVERY * (storms + 1) {
            storms += 1;
            world.sandbox.fault(Switch::status("k", 429).retry_after_s(STORM.as_secs() as i64).times(1)).expect("a switch");
        }
        turned += worker.effects().await.expect("a turn");
        assert!(waited < Duration::from_secs(5_000), "{turned:?}");
    }
    assert_eq!((turned.done as usize, world.states().await), (EFFECTS, format!("done {EFFECTS}")));
    let sends = world.sends("k");
    assert!(world.effects("k").iter().all(|times| *times == 1));
    assert_eq!(world.effects("k").len(), EFFECTS);
    assert!(storms >= 9, "{storms}");
    let inside = inside_a_window(&sends);
    assert_eq!(inside, 0, "sends inside a window of {storms} storms");
    let refused = sends.iter().filter(|line| line.status == Some(429)).count();
    assert_eq!(refused, storms as usize, "a provider is asked once in a window");
    let ideal = Duration::from_secs(EFFECTS as u64 / 10) + STORM * storms;
    let share = waited.as_secs_f64() / ideal.as_secs_f64();
    println!("{waited:?} by the clock, {share:.3} of the ideal {ideal:?}, with {storms} storms, in {:?}", began.elapsed());
    assert!(share <= 1.1, "{share}");
}

/// Requests that came after one was told to wait, and before that was over.
fn inside_a_window(sends: &[Line]) -> usize {
    let mut until = jiff::Timestamp::MIN;
    let mut inside = 0;
    for line in sends {
        let at: jiff::Timestamp = line.at.parse().expect("a moment");
        inside += usize::from(at < until);
        if let Some(wait) = line.wait_ms {
            until = until.max(at + jiff::SignedDuration::from_millis(wait as i64));
        }
    }
    inside
}

#[test]
fn a_send_inside_a_window_is_seen() {
    let line = |second: u32, wait_ms: Option<u64>| -> Line {
        let at = format!("2026-11-20T12:00:{second:02}.000000Z");
        let status = if wait_ms.is_some() { 429 } else { 200 };
        serde_json::from_value(serde_json::json!({
            "n": 1, "at": at, "provider": "k", "op": "send", "key": null, "ref": null, "effect": wait_ms.is_none(), "status": status, "wait_ms": wait_ms,
        }))
        .expect("a line")
    };
    // Told at 10 to wait seven seconds, and once more at 12 to wait one: 17 is the first moment after both.
    let told = [line(10, Some(7_000)), line(12, Some(1_000))];
    let sends = |after: &[u32]| -> Vec<Line> { told.iter().cloned().chain(after.iter().map(|second| line(*second, None))).collect() };
    assert_eq!(inside_a_window(&sends(&[17, 18])), 1, "the second refusal itself");
    assert_eq!(inside_a_window(&sends(&[14, 16, 17])), 3);
    assert_eq!(inside_a_window(&[line(1, None), line(1, None)]), 0);
}
