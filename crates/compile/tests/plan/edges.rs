//! The ends of the road: nothing there, nothing known, nothing possible; and how a plan reads.

use statehouse_compile::plan::{Plan, Request, diff, plan, render};

use crate::world::{World, apply, counts, no_text};

#[tokio::test]
async fn an_empty_database_becomes_the_whole_definition() {
    let world = World::new().await;
    let live = world.empty("live").await;
    let scratch = world.place("scratch", &[4], "").await;
    let desired = world.desired(&scratch).await;
    let found = diff(&world.snapshot(&live).await, &desired, &no_text, None);
    apply(&found, &live).await.unwrap_or_else(|why| panic!("{why}\n{}", render(&found)));
    let now = world.snapshot(&live).await;
    let again = diff(&now, &desired, &no_text, None);
    assert!(again.is_empty() && again.unmanaged.is_empty(), "{}\n{:#?}", render(&again), again.steps);
    assert_eq!(render(&again), "no changes\n");
    assert_eq!(now.fingerprint(), world.snapshot(&scratch).await.fingerprint(), "the month of the partition is not in it");
}

#[tokio::test]
async fn without_a_stored_snapshot_nothing_is_dropped() {
    let world = World::new().await;
    let live = world.place("live", &[1], "create table app.mine (x int); alter table app.line add y int").await;
    let scratch = world.place("scratch", &[1], "").await;
    let (now, desired) = (world.snapshot(&live).await, world.desired(&scratch).await);
    let found = diff(&now, &desired, &no_text, None);
    let named: Vec<String> = found.unmanaged.iter().map(|item| item.object.to_string()).collect();
    assert!(found.is_empty(), "{}", render(&found));
    assert_eq!(named, ["table app.mine", "column app.line.y"]);
    let found = diff(&now, &desired, &no_text, Some(&now));
    let mut allow: Vec<&str> = found.steps.iter().filter_map(|step| step.allow.as_deref()).collect();
    allow.sort_unstable();
    assert_eq!(allow, ["line.y", "mine"], "both ask first");
    assert_eq!(found.refusals(&[]).iter().filter(|finding| finding.code == "SH3051").count(), 2);
}

#[tokio::test]
async fn says_what_it_cannot_do() {
    let world = World::new().await;
    let cases = [
        ("", "alter table app.line add must text not null", "`must` is required and has no default"),
        (r#"create view public.spy as select net from app."order""#, "", ""),
        ("create type app.m as enum ('a', 'b')", "create type app.m as enum ('b')", "values in use cannot be taken"),
        ("create table app.t (x int)", "create table app.t (x int) partition by range (x)", "cannot be partitioned in place"),
        (
            "create table app.t (x int, y int generated always as (x + 1) stored)",
            "create table app.t (x int, y int generated always as (x + 2) stored)",
            "cannot be changed in place",
        ),
        (
            "create function app.f() returns int language sql as 'select 1'; create table app.t (x int default app.f())",
            "create function app.f() returns bigint language sql as 'select 1::bigint'; create table app.t (x int default 1)",
            "stands on it",
        ),
    ];
    for (before, after, message) in cases {
        let live = world.place("live", &[1], before).await;
        let scratch = world.place("scratch", &[1], after).await;
        let (now, desired) = (world.snapshot(&live).await, world.desired(&scratch).await);
        let found = diff(&now, &desired, &no_text, Some(&now));
        let refusals = found.refusals(&[]);
        let said = refusals.iter().any(|finding| finding.code == "SH3055" && finding.message.contains(message));
        assert_eq!(said, !message.is_empty(), "{before} → {after}\n{}", render(&found));
        let mapping = statehouse_compile::plan::Mapping::default();
        let counts = counts(0);
        let empty = plan(&Request {
            live: &now,
            desired: &desired,
            stored: Some(&now),
            compiled_sql: &no_text,
            changes: &[],
            mapping: &mapping,
            counts: &counts,
        });
        assert_eq!(
            empty.refusals(&[]).is_empty(),
            message.is_empty() || message.contains("required"),
            "with no rows: {after}\n{}",
            render(&empty)
        );
    }
}

#[tokio::test]
async fn reads_like_this() {
    let world = World::new().await;
    let live = world.place("live", &[1], "alter table app.line add old_code text").await;
    let stored = world.snapshot(&live).await;
    live.client
        .batch_execute(r#"alter view app_rep."order" reset (security_barrier); create view app_rep.extra as select 1 as one"#)
        .await
        .expect("drift");
    let scratch = world
        .place(
            "scratch",
            &[1],
            "alter table app.line add margin bigint; alter table app.client add constraint client_named check (name <> '')",
        )
        .await;
    let found = diff(&world.snapshot(&live).await, &world.desired(&scratch).await, &no_text, Some(&stored));
    let text = render(&found).replace(&found.fingerprint[..8], "FINGERPR");
    assert_eq!(text, include_str!("render.txt"), "\n{text}");
    let json = serde_json::to_string(&found).expect("JSON");
    assert_eq!(serde_json::from_str::<Plan>(&json).expect("a plan"), found);
    let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&read["format_version"], read["fingerprint"].as_str().map(str::len)), (&serde_json::json!(1), Some(64)));
}
