//! How a provider is spared: breaker, probes, and the quiet it asks for.

use std::time::Duration;

use statehouse_sandbox::{Mode, Switch};
use statehouse_testkit::people::BALTYK;

use crate::world::World;

fn titles(many: usize) -> Vec<String> {
    (0..many).map(|nth| format!("n{nth}")).collect()
}

fn texts(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

/// E19: five failures open it, one call asks after half a minute whoever makes it, and an answer closes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_is_shared() {
    let world = World::new().await;
    let (one, two) = (world.worker("one").await, world.worker("two").await);
    world.sandbox.fault(Switch::new("k", Mode::ResetBefore)).expect("a switch");
    world.notes(&texts(&titles(50)), "tell_k");
    let gate = "select state from statehouse.gate where tenant = 1 and connector = 'k'";
    for _ in 0..20 {
        one.turn().await.expect("a turn");
        two.turn().await.expect("a turn");
        if world.ask(gate).await == "open" {
            break;
        }
    }
    assert_eq!(world.ask(gate).await, "open");
    let before = world.sends("k").len();
    assert!(before < 50, "it opened after all had been tried");
    world.wait(Duration::from_secs(29)).await;
    let (a, b) = tokio::join!(one.turn(), two.turn());
    assert_eq!((a.expect("a turn").claimed, b.expect("a turn").claimed), (0, 0));
    // Half open: one probe of whoever comes first.
    world.wait(Duration::from_secs(2)).await;
    let (a, b) = tokio::join!(one.turn(), two.turn());
    assert_eq!(a.expect("a turn").claimed + b.expect("a turn").claimed, 1);
    assert_eq!((world.sends("k").len(), world.ask(gate).await.as_str()), (before + 1, "open"));
    // The other tenant's gate is its own.
    world.notes_of(BALTYK, &["other"], "tell_k");
    assert_eq!(one.turn().await.expect("a turn").claimed, 1);
    world.sandbox.clear_faults();
    world.wait(Duration::from_secs(31)).await;
    let (a, b) = tokio::join!(one.turn(), two.turn());
    let (a, b) = (a.expect("a turn"), b.expect("a turn"));
    assert!(a.done + b.done >= 1, "{a:?} {b:?}");
    assert_eq!(world.ask(gate).await, "closed");
    world.settle(&one, Duration::from_secs(3600)).await;
    assert_eq!(world.states().await, "done 51");
    assert_eq!(world.effects("k"), [1; 51]);
}

/// E17: what is said in `Retry-After` is kept to, however it is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_left_alone_for_as_long_as_it_asks() {
    use statehouse_sandbox::RetryAfter::{Seconds, Text};
    // The stand-in's `Date` is the machine's, whatever its clock says.
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(4_000));
    let cases = [
        (429, Seconds(40), 40),
        (429, Text(date.clone()), 3_900),
        (429, Seconds(864_000), 864_000),
        (429, Seconds(-5), 0),
        (429, Text("soon".into()), 1),
        (429, Text(String::new()), 1),
        // It may have done that one, and is left alone all the same.
        (503, Seconds(40), 40),
        (503, Text(date), 3_900),
    ];
    for (status, said, least) in cases {
        let world = World::new().await;
        let worker = world.worker("one").await;
        let switch = Switch { retry_after: Some(said.clone()), ..Switch::status("k", status) };
        world.sandbox.fault(switch.times(1)).expect("a switch");
        world.notes(&texts(&titles(5)), "tell_k");
        let turned = worker.turn().await.expect("a turn");
        if least == 0 {
            let turned = world.settle(&worker, Duration::from_secs(1)).await;
            assert_eq!(world.effects("k"), [1; 5], "{said:?}: {turned:?}");
            continue;
        }
        // One was told so; the others were not tried, and wait in the database.
        assert_eq!((world.sends("k").len(), turned.done), (1, 0), "{said:?}: {turned:?}");
        let next = worker.next().await.expect("an answer").expect("something is due");
        assert!(next >= Duration::from_secs(least) && next < Duration::from_secs(least + least / 30 + 4), "{said:?}: {next:?}");
        world.wait(next - Duration::from_millis(10)).await;
        assert_eq!(worker.turn().await.expect("a turn").claimed, 0, "{said:?}");
        world.wait(Duration::from_millis(20)).await;
        world.settle(&worker, Duration::from_secs(60)).await;
        assert_eq!(world.effects("k"), [1; 5], "{said:?}");
    }
}
