//! What is owed stays as it was owed when the definition goes on: by its version of a connector, and by the times a schedule had.

use std::time::Duration;

use statehouse_sandbox::{Mode, Switch};

use crate::world::World;

const HOUR: Duration = Duration::from_secs(3600);

/// Stores the next version of the definition with `change` made to it, an expression over `app`.
async fn next(world: &World, change: &str) {
    world
        .ask(&format!(
            "insert into statehouse.definition (app, version, sha256, body)
             select d.app, d.version + 1, sha256(d.version::text::bytea), jsonb_build_object('text', c.app::text, 'app', c.app)
               from (select * from statehouse.definition order by version desc limit 1) d
              cross join lateral (select (d.body ->> 'text')::jsonb as app) w
              cross join lateral (select {change} as app from (select w.app) v) c"
        ))
        .await;
}

/// The next version of a connector posts to where nobody listens: what still goes out goes by the one before.
const BUMPED: &str = r#"jsonb_set(jsonb_set(app, '{connectors,q,version}', '2'), '{connectors,q,actions,put,send,path}', '{"parts": [{"Text": "/nowhere"}]}')"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_under_an_older_version_goes_out_by_it() {
    let world = World::new().await;
    world.notes(&["a", "b"], "tell_q");
    next(&world, BUMPED).await;
    let worker = world.worker("one").await;
    world.settle(&worker, HOUR).await;
    assert_eq!((world.states().await.as_str(), world.effects("q")), ("done 2", vec![1, 1]));
    // And what is owed by the one that is gone altogether.
    world.notes(&["c"], "tell_k");
    next(&world, "app #- '{connectors,k}'").await;
    world.settle(&worker, HOUR).await;
    assert_eq!((world.states().await.as_str(), world.effects("k")), ("done 3", vec![1]));
}

/// The same without what the database remembers: nobody knows how to send it.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_version_before_nobody_sends_it() {
    let world = World::new().await;
    world.ask("create or replace function statehouse.known_connectors(app text) returns table (connector text, version int, text text) language sql as 'select null::text, null::int, null::text where false'").await;
    world.notes(&["a", "b"], "tell_q");
    next(&world, BUMPED).await;
    let worker = world.worker("one").await;
    worker.turn().await.expect("a turn");
    assert_eq!((world.states().await.as_str(), world.sends("q").len()), ("due 2", 0));
}

/// Its question is asked in the words it was sent with.
#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_asked_about_by_the_version_that_sent_it() {
    let world = World::new().await;
    let worker = world.worker("one").await;
    world.sandbox.fault(Switch::new("q", Mode::AcceptThenReset).times(1)).expect("a switch");
    world.notes(&["a"], "tell_q");
    worker.turn().await.expect("a turn");
    assert_eq!(world.ask("select state || ' ' || doubt from statehouse.effect").await, "due true");
    let asks_otherwise = r#"jsonb_set(jsonb_set(app, '{connectors,q,version}', '2'), '{connectors,q,actions,put,ask,request,query,ref}', '{"parts": [{"Text": "other"}]}')"#;
    next(&world, asks_otherwise).await;
    world.settle(&worker, HOUR).await;
    assert_eq!((world.states().await.as_str(), world.effects("q")), ("done 1", vec![1]));
    assert_eq!(world.sends("q").len(), 1);
}

/// The same without what the database says of when a schedule was changed: times are made up for that it never had.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_moment_of_the_change_times_are_owed_that_never_were() {
    let world = World::new().await;
    world.ask("create or replace function statehouse.schedules_since(app text) returns table (schedule text, since timestamptz) language sql as 'select null::text, null::timestamptz where false'").await;
    next(&world, &times("0 8 1 1 *")).await;
    let worker = world.worker("one").await;
    worker.turn().await.expect("a turn");
    world.wait(2 * Duration::from_secs(60)).await;
    next(&world, &times("* * * * *")).await;
    worker.turn().await.expect("a turn");
    assert_eq!(slots(&world).await, "20 12:00 skipped, 20 12:01 done, 20 12:02 done");
}

async fn slots(world: &World) -> String {
    let told = "to_char(slot at time zone 'UTC', 'DD HH24:MI') || ' ' || state";
    world.ask(&format!("select string_agg({told}, ', ' order by slot) from statehouse.slot where tenant = 1")).await
}

fn times(cron: &str) -> String {
    format!(r#"jsonb_set(jsonb_set(app, '{{schedules,morning,cron}}', '"{cron}"'), '{{schedules,morning,catch_up}}', '"All"')"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_owes_no_time_from_before_it_had_it() {
    let world = World::new().await;
    next(&world, &times("0 8 1 1 *")).await;
    let worker = world.worker("one").await;
    worker.turn().await.expect("a turn");
    world.wait(6 * Duration::from_secs(60)).await;
    next(&world, &times("* * * * *")).await;
    worker.turn().await.expect("a turn");
    assert_eq!(slots(&world).await, "20 12:00 skipped");
    // What comes after the change is owed, though nobody was there; a word of what people call it changes nothing.
    world.wait(Duration::from_secs(60)).await;
    next(&world, r#"jsonb_set(app, '{schedules,morning,label}', '{"en": "Early"}')"#).await;
    world.wait(Duration::from_secs(60)).await;
    worker.turn().await.expect("a turn");
    assert_eq!(slots(&world).await, "20 12:00 skipped, 20 12:07 done, 20 12:08 done");
    // Taken out and put back, it begins anew.
    let kept = world
        .ask("select (body ->> 'text')::jsonb #>> '{schedules,morning}' from statehouse.definition order by version desc limit 1")
        .await;
    next(&world, "app #- '{schedules,morning}'").await;
    worker.turn().await.expect("a turn");
    world.wait(Duration::from_secs(180)).await;
    next(&world, &format!("jsonb_set(app, '{{schedules,morning}}', '{kept}')")).await;
    worker.turn().await.expect("a turn");
    assert_eq!(slots(&world).await, "20 12:00 skipped, 20 12:07 done, 20 12:08 done");
    world.wait(Duration::from_secs(60)).await;
    worker.turn().await.expect("a turn");
    assert_eq!(slots(&world).await, "20 12:00 skipped, 20 12:07 done, 20 12:08 done, 20 12:12 done");
}
