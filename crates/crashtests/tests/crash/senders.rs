//! A server that is killed while it stores what a source tells it: the source tells it again, and the record moves once.

use statehouse_crashtests::check::Breach;
use statehouse_crashtests::plan::Chance;
use statehouse_crashtests::run::judge;
use statehouse_crashtests::scene::{BOUND, CUSTOMS, CUSTOMS_SECRET, Run, Scene};
use statehouse_crashtests::{program, wait};

use crate::doors::ANYWHERE;

/// Parcels of a round; customs clear all but the first two, about which the carrier tells.
const PARCELS: u32 = 22;
const CLEARED: usize = 20;

/// Where it is killed.
#[derive(Debug, Clone, Copy)]
enum Place {
    Before(u64),
    After(u64),
    /// So many microseconds after customs began to tell.
    Moment(u64),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_while_it_is_told_something_loses_and_doubles_nothing() {
    let mut scene = Scene::new(&program::under_test(false), "senders").await;
    let mut chance = Chance(20_261_120);
    let worker = scene.worker(&Run { points: false, ..Run::default() });
    let (mut server, address) = scene.serve(ANYWHERE).await;
    scene.provider.tells(&format!("http://{address}/v1/in/{CUSTOMS}"), CUSTOMS_SECRET).await;
    let mut places = vec![Place::Before(1), Place::After(1), Place::Before(9), Place::After(9)];
    places.extend((0..4).map(|_| Place::Moment(chance.below(60_000))));
    let (mut exercised, mut kills) = (0, 0);
    for place in places {
        // Some are told twice, and some not at all: those it learns by asking.
        let faulty = chance.below(2) > 0;
        if faulty {
            let switch = |mode: &str, share: f64| serde_json::json!({ "provider": "customs", "mode": mode, "share": share, "seed": 7 });
            scene.provider.fault(serde_json::json!([switch("duplicate_hook", 0.3), switch("drop_hook", 0.2)])).await;
        }
        scene.owe(PARCELS, 0).await;
        let orders = scene.last_parcels(3).await;
        assert_eq!(orders.len(), CLEARED);
        let stored = "select count(*) from statehouse.message where source = 'customs'";
        let (before, behind) = ("store.receive_message:before", "store.receive_message:after");
        if let Place::Before(nth) | Place::After(nth) = place {
            scene.points.hold_from(before, nth);
        }
        for order in &orders {
            scene.provider.clears_and_tells(order).await;
        }
        match place {
            Place::Moment(us) => {
                let _ = tokio::task::spawn_blocking(move || std::thread::sleep(std::time::Duration::from_micros(us))).await;
            }
            Place::Before(_) => assert!(scene.points.stands_at(before, BOUND).await, "not reached:\n{}", server.said()),
            Place::After(_) => {
                assert!(scene.points.stands_at(before, BOUND).await, "not reached:\n{}", server.said());
                let then = scene.count(stored).await;
                assert!(scene.points.passes(before, behind, BOUND).await, "not reached:\n{}", server.said());
                exercised += usize::from(scene.count(stored).await > then);
            }
        }
        server.kill().await;
        scene.points.forget();
        kills += 1;
        (server, _) = scene.serve(&address).await;
        let moved = format!(
            "select count(*) from (select record from statehouse.event where verb = 'scan' and record in ({}) group by record having count(*) = 1) x",
            orders.iter().map(|order| format!("'{order}'")).collect::<Vec<_>>().join(", ")
        );
        // What it was not told, it asks for: once, when it is time.
        assert!(scene.rests(&worker).await, "{place:?}: it does not come to rest");
        scene.pass("21 seconds").await;
        let all = wait::within(BOUND, async || scene.count(&moved).await == CLEARED).await;
        assert!(all, "{place:?}, faulty {faulty}: {} of {CLEARED} moved once\n{}", scene.count(&moved).await, server.said());
        if faulty {
            scene.provider.behave().await;
        }
        assert!(scene.rests(&worker).await, "{place:?}: it does not come to rest");
        assert_eq!(judge(&mut scene, &[], false).await, Vec::<Breach>::new(), "{place:?}, faulty {faulty}");
        assert_eq!(scene.count(&moved).await, CLEARED, "{place:?}: a second move");
    }
    assert!(exercised > 0, "no kill met a row being stored");
    println!("{kills} servers killed while {CLEARED} messages were on their way: each record moved once");
}
