//! Providers that misbehave, or cannot be reached, or have forgotten.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{Held, counts, free, holds, holds_all, rests, stand};
use crate::check::Invariant::{Doubt, Key, Once, Waits};
use crate::facts::{Call, Effect};
use crate::scene::{BOUND, Run, Scene};
use crate::wait;

pub(super) async fn run(program: &Path) -> Held {
    let mut scene = Scene::new(program, "faults").await;
    misbehaves(&mut scene).await?;
    doubt_rests(&mut scene).await?;
    cannot_tell(&mut scene).await?;
    unreachable(&mut scene).await?;
    forgotten(&mut scene).await
}

/// The answer is lost, the request is, it fails after it was done, refuses, asks to wait.
async fn misbehaves(scene: &mut Scene) -> Held {
    let worker = scene.worker(&free());
    for fault in [
        json!({ "mode": "accept_then_reset" }),
        json!({ "mode": "reset_before" }),
        json!({ "mode": "status", "status": 500 }),
        json!({ "mode": "status", "status": 422, "times": 2 }),
        json!({ "mode": "status", "status": 429, "retry_after": "3", "times": 2 }),
    ] {
        scene.pass("61 minutes").await;
        for provider in crate::provider::NAMES {
            let mut switch = json!({ "provider": provider, "times": 1 });
            for (name, value) in fault.as_object().into_iter().flatten() {
                switch[name.as_str()] = value.clone();
            }
            scene.provider.fault(switch).await;
        }
        scene.owe(4, 2).await;
        rests(scene, &worker, &fault.to_string()).await?;
        scene.provider.behave().await;
        // Of class N nobody can tell what became of a request that was cut, and that is said.
        let unknown: Vec<Effect> =
            scene.rows.effects().await.into_iter().filter(|effect| effect.class == "N" && effect.state == "unknown").collect();
        scene.keep(&unknown);
        holds_all(scene, &[], true, &fault.to_string()).await?;
    }
    scene.kill(worker).await;
    Ok(())
}

/// A provider may still be at it when the line is cut: it is not asked before it had its time, and not again before it had
/// it once more.
async fn doubt_rests(scene: &mut Scene) -> Held {
    let soon = "select count(*) from statehouse.effect where class = 'Q' and state = 'due' and doubt and due_at < statehouse.now() + interval '5 seconds'";
    let due = "select count(*) from statehouse.effect where class = 'Q' and state = 'due' and doubt";
    let worker = scene.worker(&free());
    scene.provider.fault(json!({ "provider": "q", "mode": "accept_then_reset", "times": 1 })).await;
    scene.provider.fault(json!({ "provider": "q", "mode": "status", "status": 500, "op": "find", "times": 1 })).await;
    scene.owe(2, 0).await;
    for asked in ["a lost answer", "a question without an answer"] {
        let doubted = wait::within(BOUND, async || scene.count(due).await > 0).await;
        holds(Doubt, doubted, format!("{asked} leaves no doubt"))?;
        holds(Waits, scene.count(soon).await == 0, format!("after {asked} it is asked at once"))?;
        let before = scene.rows.value("select sum(attempt) from statehouse.effect").await;
        scene.pass("6 seconds").await;
        scene.rows.value("select pg_notify('statehouse_due', '')").await;
        let moved = wait::within(BOUND, async || {
            scene.rows.value("select sum(attempt) from statehouse.effect where state <> 'leased'").await > before
        })
        .await;
        holds(Waits, moved, format!("after {asked} nobody asks again"))?;
    }
    rests(scene, &worker, "a doubt").await?;
    scene.provider.behave().await;
    holds_all(scene, &[], true, "a doubt").await?;
    scene.kill(worker).await;
    Ok(())
}

/// Asked about what a dead one has sent, the provider fails, or cuts the line.
async fn cannot_tell(scene: &mut Scene) -> Held {
    for mode in [json!({ "mode": "status", "status": 500 }), json!({ "mode": "reset_before" })] {
        let first = scene.worker(&Run::default());
        scene.points.hold_only("connect.send:after");
        scene.owe(2, 2).await;
        stand(scene, "connect.send:after", 3, "asked").await?;
        let at_kill = scene.kill(first).await;
        let mut switch = json!({ "provider": "q", "op": "find", "times": 2 });
        for (name, value) in mode.as_object().into_iter().flatten() {
            switch[name.as_str()] = value.clone();
        }
        scene.provider.fault(switch).await;
        let next = scene.worker(&free());
        rests(scene, &next, "asked").await?;
        scene.provider.behave().await;
        holds_all(scene, &[at_kill], true, &format!("asked, {mode}")).await?;
        scene.kill(next).await;
    }
    Ok(())
}

/// Nobody takes the connection: nothing was sent, and nobody is in doubt.
async fn unreachable(scene: &mut Scene) -> Held {
    let base = |name: &str| (format!("STATEHOUSE_CONNECTORS__{name}__BASE"), "http://127.0.0.1:9/nobody".to_owned());
    let known = "select count(*) from statehouse.effect where state = 'unknown'";
    let before = scene.count(known).await;
    let cut_off = scene.worker(&Run { points: false, env: vec![base("N"), base("Q")], ..Run::default() });
    scene.owe(2, 0).await;
    let parcels = scene.last_parcels(1).await.join("', '");
    let tried = format!(
        "select count(distinct class) from statehouse.effect
          where record in ('{parcels}') and class in ('N', 'Q') and state in ('due', 'unknown') and code in ('SH7005', 'SH7006')"
    );
    let told = wait::within(BOUND, async || scene.count(&tried).await == 2).await;
    holds(Doubt, told, "a provider that nobody reaches is not told as such")?;
    let doubts = "select count(*) from statehouse.effect where doubt and state in ('due', 'leased')";
    holds(Doubt, scene.count(known).await == before && scene.count(doubts).await == 0, "what was not sent is in doubt")?;
    scene.kill(cut_off).await;
    let next = scene.worker(&free());
    rests(scene, &next, "unreachable").await?;
    holds(Doubt, scene.count(known).await == before, "what was not sent is unknown")?;
    holds_all(scene, &[], true, "unreachable").await?;
    scene.kill(next).await;
    Ok(())
}

/// What is in doubt and so old that the provider may have forgotten its key is not sent under it.
async fn forgotten(scene: &mut Scene) -> Held {
    let first = scene.worker(&Run::default());
    scene.points.hold_only("connect.send:after");
    scene.owe(1, 0).await;
    stand(scene, "connect.send:after", 3, "forgotten").await?;
    scene.kill(first).await;
    // What of it waits behind it was not sent, and may be.
    let key = scene.provider.calls().iter().rev().find(|call| call.provider == "k" && call.is_send()).and_then(Call::of);
    let key = key.unwrap_or_default().to_owned();
    scene.pass("21 hours").await;
    let next = scene.worker(&free());
    let open = format!(
        "select count(*) from statehouse.effect where state in ('due', 'leased') and replace(record::text, '-', '') || '-' || seq || '-' || n = '{key}'"
    );
    holds(Once, counts(scene, &open, 0, Duration::from_secs(20)).await, "a key that may be forgotten is never given up")?;
    let sends = scene.provider.calls().iter().filter(|call| call.is_send() && call.of() == Some(&key)).count();
    holds(Key, sends == 1, format!("a key that may be forgotten is sent {sends} times"))?;
    scene.kill(next).await;
    Ok(())
}
