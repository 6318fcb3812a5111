//! Timers and schedules: each once, by however many workers.

use std::time::Duration;

use statehouse_testkit::people::NORDUR;

use crate::world::{World, admin};

const HOUR: Duration = Duration::from_secs(3600);

async fn reminded(world: &World) -> String {
    world.ask("select coalesce(string_agg(reminded::text, ' ' order by code), '') from outward.parcel").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_of_a_schedule_is_taken_once() {
    let world = World::new().await;
    let (one, two) = (world.worker("one").await, world.worker("two").await);
    world.parcels(&["a", "b", "c"]);
    // At noon: the eight o'clock of before nobody asked for.
    one.turn().await.expect("a turn");
    assert_eq!(reminded(&world).await, "0 0 0");
    world.wait(20 * HOUR - Duration::from_secs(1)).await;
    one.turn().await.expect("a turn");
    assert_eq!(reminded(&world).await, "0 0 0", "a second before eight");
    world.wait(Duration::from_secs(1)).await;
    for _ in 0..3 {
        let (a, b) = tokio::join!(one.turn(), two.turn());
        a.expect("a turn");
        b.expect("a turn");
    }
    assert_eq!(reminded(&world).await, "1 1 1");
    assert_eq!(world.effects("k"), [1, 1, 1]);
    // Two times were missed, and the last of them is made up for.
    world.parcels(&["d"]);
    world.wait(49 * HOUR).await;
    one.turn().await.expect("a turn");
    assert_eq!(world.ask("select state || ' ' || reminded from outward.parcel where code = 'd'").await, "lost 0", "its timer came first");
    assert_eq!(world.ask("select string_agg(to_char(slot at time zone 'UTC', 'DD HH24') || ' ' || state, ', ' order by slot) from statehouse.slot where tenant = 1").await, "20 12 skipped, 21 08 done, 23 08 done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_rings_once() {
    let world = World::new().await;
    let (one, two) = (world.worker("one").await, world.worker("two").await);
    world.parcels(&["a", "b", "c", "d"]);
    world.wait(47 * HOUR).await;
    assert_eq!(one.turn().await.expect("a turn").timers, 0);
    world.wait(HOUR).await;
    let (a, b) = tokio::join!(one.turn(), two.turn());
    assert_eq!(a.expect("a turn").timers + b.expect("a turn").timers, 4);
    let lost = "select count(*) from outward_admin.parcel where state = 'lost'";
    assert_eq!(world.db.value_as(&admin(NORDUR), lost), "4");
    assert_eq!(world.ask("select count(*) from statehouse.event where verb = 'lose'").await, "4");
}
