//! Sent once, whatever the provider does: by class.

use std::time::Duration;

use statehouse_sandbox::{Mode, Switch};

use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn each_effect_is_sent_once() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    for verb in ["tell_k", "tell_q", "tell_n"] {
        world.notes(&[&format!("{verb} a"), &format!("{verb} b")], verb);
    }
    let turned = worker.turn().await.expect("a turn");
    assert_eq!((turned.claimed, turned.done), (6, 6), "{turned:?}");
    assert!(worker.turn().await.expect("a turn").is_idle());
    for provider in ["k", "q", "n"] {
        assert_eq!(world.effects(provider), [1, 1], "{provider}");
    }
    assert_eq!(world.states().await, "done 6");
}

/// E9, E10: it is done, and whoever sent it is not told so; or it is not done, and nobody can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_never_a_second_send() {
    let reset = Mode::ResetBefore;
    let done_then_500 = Switch::status("", 500);
    let not_done_500 = Switch { done: Some(false), ..Switch::status("", 500) };
    let cases = [
        ("accepted, then silence", Switch::new("", Mode::AcceptThenHang), 1),
        ("accepted, then cut", Switch::new("", Mode::AcceptThenReset), 1),
        ("cut before anything", Switch::new("", reset), 0),
        ("done, then a 500", done_then_500, 1),
        ("a 500 and nothing done", not_done_500, 0),
        // A gateway says so of what the one behind it has done.
        ("done, then a 503", Switch { done: Some(true), ..Switch::status("", 503) }, 1),
        ("a 503 and nothing done", Switch::status("", 503), 0),
        ("done, then a 408", Switch { done: Some(true), ..Switch::status("", 408) }, 1),
    ];
    for (what, switch, of_n) in cases {
        let world = World::new().await;
        let worker = world.worker("one").await;
        for provider in ["k", "q", "n"] {
            world.sandbox.fault(Switch { provider: provider.into(), ..switch.clone() }.times(1)).expect("a switch");
            world.notes(&[provider], &format!("tell_{provider}"));
        }
        world.settle(&worker, HOUR).await;
        assert_eq!((world.effects("k"), world.effects("q")), (vec![1], vec![1]), "{what}");
        assert_eq!(world.effects("n").len(), of_n, "{what}");
        assert_eq!(world.states().await, "done 2, unknown 1", "{what}");
    }
}

/// What the provider refuses is refused; what it puts off is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_believed() {
    for (status, ends, sends) in [(422, "failed 3", 1), (425, "done 3", 2), (429, "done 3", 2), (401, "done 3", 2)] {
        let world = World::new().await;
        let worker = world.worker("one").await;
        for provider in ["k", "q", "n"] {
            world.sandbox.fault(Switch::status(provider, status).times(1)).expect("a switch");
            world.notes(&[provider], &format!("tell_{provider}"));
        }
        world.settle(&worker, HOUR).await;
        assert_eq!(world.states().await, ends, "{status}");
        for provider in ["k", "q", "n"] {
            assert_eq!(world.sends(provider).len(), sends, "{status} {provider}");
        }
    }
}

/// E11: a provider forgets a key after a day, so the key is not sent again after twenty hours.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_outlived() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    world.sandbox.fault(Switch::new("k", Mode::AcceptThenReset)).expect("a switch");
    world.notes(&["a"], "tell_k");
    worker.turn().await.expect("a turn");
    world.wait(20 * HOUR).await;
    world.sandbox.forget_keys("k").expect("forgotten");
    world.sandbox.clear_faults();
    world.settle(&worker, 100 * HOUR).await;
    assert_eq!((world.sends("k").len(), world.states().await.as_str()), (1, "unknown 1"));
}

/// M14: a day without the provider loses nothing and doubles nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_for_a_day() {
    let mut world = World::new().await;
    let there = world.settings.connectors["k"].clone();
    // A port on which nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    for name in ["k", "q", "n"] {
        world.settings.connectors.get_mut(name).expect("a connector").base = format!("http://{free}");
    }
    let away = world.worker("away").await;
    for provider in ["k", "q", "n"] {
        let titles: Vec<String> = (0..5).map(|nth| format!("{provider}{nth}")).collect();
        world.notes(&titles.iter().map(String::as_str).collect::<Vec<_>>(), &format!("tell_{provider}"));
    }
    for _ in 0..48 {
        away.turn().await.expect("a turn");
        world.wait(HOUR / 2).await;
    }
    assert_eq!(world.states().await, "due 15");
    for name in ["k", "q", "n"] {
        let base = there.base.replace("/k", &format!("/{name}"));
        world.settings.connectors.get_mut(name).expect("a connector").base = base;
    }
    let back = world.worker("back").await;
    world.settle(&back, HOUR).await;
    assert_eq!(world.states().await, "done 15");
    for provider in ["k", "q", "n"] {
        assert_eq!(world.effects(provider), [1; 5], "{provider}");
    }
}

/// E12: a worker whose lease ran out while it waited says nothing, and the effect is not sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_comes_late_says_nothing() {
    for (provider, ends) in [("k", "done 1"), ("q", "done 1"), ("n", "unknown 1")] {
        let world = World::new().await;
        let (late, other) = (world.worker("late").await, world.worker("other").await);
        world.sandbox.fault(Switch::new(provider, Mode::AcceptThenHang).times(1)).expect("a switch");
        world.notes(&["a"], &format!("tell_{provider}"));
        let waiting = async {
            let turned = late.effects().await.expect("a turn");
            assert_eq!((turned.lost, turned.done), (1, 0), "{provider}: {turned:?}");
        };
        let overtaking = async {
            assert!(world.sandbox.until(|sandbox| sandbox.hanging() == 1).await);
            world.wait(Duration::from_secs(61)).await;
            let turned = other.effects().await.expect("a turn");
            assert_eq!(turned.recovered, 1, "{provider}: {turned:?}");
        };
        tokio::join!(waiting, overtaking);
        world.settle(&other, HOUR).await;
        assert_eq!(world.effects(provider), [1], "{provider}");
        assert_eq!(world.states().await, ends, "{provider}");
    }
}

/// E15: one attempt that breaks off touches no other, counts, and comes to an end.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_breaks_off() {
    let mut world = World::new().await;
    world.network = std::sync::Arc::new(Boom);
    let worker = world.worker("one").await;
    world.notes(&["poison"], "tell_boom");
    world.notes(&["a", "b", "c"], "tell_k");
    let turned = worker.turn().await.expect("a turn");
    assert_eq!((turned.done, turned.again), (3, 1), "{turned:?}");
    let turned = world.settle(&worker, 100 * HOUR).await;
    assert_eq!(world.states().await, "done 3, unknown 1", "{turned:?}");
    assert_eq!(world.ask("select attempt from statehouse.effect where connector = 'boom'").await, "12");
}

/// A network on which one name breaks whoever looks it up.
struct Boom;

impl statehouse_connect::egress::Network for Boom {
    fn resolve<'a>(&'a self, host: &'a str) -> statehouse_connect::egress::Soon<'a, std::io::Result<Vec<std::net::IpAddr>>> {
        assert!(host != "boom.example", "boom");
        statehouse_connect::egress::System.resolve(host)
    }

    fn connect(&self, address: std::net::SocketAddr) -> statehouse_connect::egress::Soon<'_, std::io::Result<tokio::net::TcpStream>> {
        statehouse_connect::egress::System.connect(address)
    }
}
