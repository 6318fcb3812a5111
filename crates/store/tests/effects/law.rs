//! What may follow upon what, tried as the superuser: the law of effects stands in triggers, and binds whoever writes.

use statehouse_store::effects::{self, End};

use crate::world::{World, world};

const STATES: [&str; 7] = ["due", "leased", "done", "failed", "unknown", "held", "dead"];

/// All pairs that are lawful, written by hand; the rest is not.
const LAWFUL: &[(&str, &[&str])] = &[
    ("due", &["due", "leased", "held"]),
    ("leased", &["leased", "due", "done", "failed", "unknown", "dead", "held"]),
    ("done", &["done"]),
    ("failed", &["failed"]),
    ("unknown", &["unknown", "done", "failed", "due"]),
    ("held", &["held", "due", "dead", "done", "failed"]),
    ("dead", &["dead", "due", "done", "failed"]),
];

/// The columns a state comes with.
fn columns(state: &str) -> String {
    let lease = if state == "leased" { "'w1', statehouse.now()" } else { "null, null" };
    let end = if matches!(state, "done" | "failed") { "statehouse.now()" } else { "null" };
    format!("state = '{state}', (worker, leased_until) = row({lease}), finished_at = {end}")
}

/// Puts every effect into a state, past the law.
async fn put(world: &World, state: &str, class: &str) {
    let text = format!(
        "set session_replication_role = replica; update statehouse.effect set {}, class = '{class}', attempt = 3, doubt = false, sending = false; reset session_replication_role",
        columns(state)
    );
    world.admin.batch_execute(&text).await.unwrap();
}

/// The SQLSTATE of a change, undone afterwards; `ok` where it is allowed.
async fn tried(world: &World, sets: &str) -> String {
    world.admin.batch_execute("begin").await.unwrap();
    let answer = world.admin.execute(&format!("update statehouse.effect set {sets}"), &[]).await;
    world.admin.batch_execute("rollback").await.unwrap();
    answer.map_or_else(
        |fault| fault.code().map_or("?".into(), |code| code.code().to_owned()),
        |rows| if rows == 1 { "ok".into() } else { rows.to_string() },
    )
}

#[tokio::test]
async fn every_pair_of_states() {
    let world = world("law_pairs").await;
    world.sales("post", 1).await;
    for class in ["K", "N"] {
        for (from, to) in LAWFUL {
            put(&world, from, class).await;
            for state in STATES {
                let claims = *from == "due" && state == "leased";
                let sets = format!("{}, attempt = attempt + {}", columns(state), i32::from(claims));
                // What nobody can ask about is not sent again.
                let lawful = to.contains(&state) && !(class == "N" && *from == "unknown" && state == "due");
                assert_eq!(tried(&world, &sets).await, if lawful { "ok" } else { "S7023" }, "class {class}: {from} → {state}");
            }
        }
    }
    assert_eq!(LAWFUL.len(), STATES.len());
}

#[tokio::test]
async fn the_attempt_is_the_number_of_claims() {
    let world = world("law_attempt").await;
    world.sales("post", 1).await;
    for from in STATES {
        put(&world, from, "K").await;
        for by in [-1, 1, 2] {
            assert_eq!(tried(&world, &format!("attempt = attempt + {by}")).await, "S7023", "{from} by {by}");
        }
    }
    put(&world, "due", "K").await;
    for by in [-1, 0, 2] {
        assert_eq!(tried(&world, &format!("{}, attempt = attempt + {by}", columns("leased"))).await, "S7023", "claimed by {by}");
    }
    put(&world, "leased", "K").await;
    assert_eq!(tried(&world, "worker = 'w2'").await, "S7023", "a lease does not change hands");
}

#[tokio::test]
async fn nobody_rewrites_what_an_effect_is() {
    let world = world("law_identity").await;
    world.sales("post", 1).await;
    for state in STATES {
        put(&world, state, "K").await;
        for sets in [
            "tenant = 2",
            "record = gen_random_uuid()",
            "seq = seq + 1",
            "n = n + 1",
            "app = 'x'",
            "entity = 'x'",
            "verb = 'x'",
            "connector = 'text'",
            "action = 'x'",
            "version = 2",
            "class = 'Q'",
            "call = true",
            "args = '{\"to\": \"me\"}'",
        ] {
            assert_eq!(tried(&world, sets).await, "S7023", "{state}: {sets}");
        }
        // A subject is forgotten when nothing is on its way any more.
        let gone = if matches!(state, "due" | "leased") { "S7023" } else { "ok" };
        assert_eq!(tried(&world, "args = '{}'").await, gone, "{state}");
    }
    let deleted = world.admin.execute("delete from statehouse.effect", &[]).await.unwrap_err();
    assert_eq!(deleted.code().unwrap().code(), "S4014");
    let emptied = world.admin.batch_execute("truncate statehouse.effect").await.unwrap_err();
    assert_eq!(emptied.code().unwrap().code(), "S4014");
}

#[tokio::test]
async fn one_send_of_class_n() {
    let world = world("law_once").await;
    world.sales("ring", 1).await;
    let put_with = async |state: &str, sets: &str| {
        put(&world, state, "N").await;
        let text = format!("set session_replication_role = replica; update statehouse.effect set {sets}; reset session_replication_role");
        world.admin.batch_execute(&text).await.unwrap();
    };
    for (state, stands, sets, answer) in [
        ("leased", "sending = false", "sending = true", "ok"),
        ("leased", "sending = false, doubt = true", "sending = true", "S7023"),
        ("due", "sending = false", "sending = true", "S7023"),
        ("unknown", "sending = false", "sending = true", "S7023"),
        ("leased", "sending = true", "sending = false", "S7023"),
        ("unknown", "sending = true, doubt = true", "doubt = false", "S7023"),
        ("leased", "sending = true", "state = 'due', worker = null, leased_until = null, sending = false", "ok"),
        ("leased", "sending = true", "state = 'due', worker = null, leased_until = null, sending = false, doubt = true", "S7023"),
        // The constraint says the same once more.
        ("leased", "sending = true", "state = 'due', worker = null, leased_until = null, doubt = true", "23514"),
        ("held", "doubt = true", "state = 'due'", "23514"),
    ] {
        put_with(state, stands).await;
        assert_eq!(tried(&world, sets).await, answer, "{state} with {stands}: {sets}");
    }
    put(&world, "leased", "K").await;
    assert_eq!(tried(&world, "sending = true").await, "23514", "of other classes no send is written down");
}

/// The age of the key stops a retry; it begins anew only where the provider never had it.
#[tokio::test]
async fn the_key_ages() {
    let world = world("law_age").await;
    world.sales("post", 1).await;
    let held = world.take("w1", "post").await.held;
    assert!(world.settle("w1", held, End::Dead).await);
    assert_eq!(tried(&world, "first_at = first_at + interval '1 day'").await, "S7023");
    assert_eq!(tried(&world, "first_at = null").await, "S7023");
    assert_eq!(tried(&world, "state = 'due', first_at = null").await, "ok");
    assert_eq!(tried(&world, "state = 'due', first_at = statehouse.now() + interval '1 second'").await, "S7023");
    world.admin.batch_execute("update statehouse.effect set doubt = true").await.unwrap();
    assert_eq!(tried(&world, "state = 'due', first_at = null").await, "S7023", "the provider may have had it");
    assert_eq!(tried(&world, "state = 'due'").await, "ok");
}

/// No login reaches the table but to read it.
#[tokio::test]
async fn no_login_writes() {
    let world = world("law_logins").await;
    world.sales("post", 1).await;
    for login in ["statehouse_worker", "statehouse_api", "statehouse_read", "statehouse_server", "statehouse_agent"] {
        let client = world.db.connect(login).await;
        for text in [
            "update statehouse.effect set state = 'done'",
            "delete from statehouse.effect",
            "update statehouse.gate set tokens = 9",
            "delete from statehouse.gate",
        ] {
            let refused = client.execute(text, &[]).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{login}: {text}");
        }
    }
    assert!(effects::claim(&world.api, "w", &crate::world::known(&["post"]), 1, crate::world::LEASE).await.is_err());
}

/// Through which connector it goes is settled with the claim, and changes only where nobody can have it.
#[tokio::test]
async fn what_may_have_reached_one_provider_never_goes_to_another() {
    let world = world("law_through").await;
    world.sales("post", 1).await;
    let claims = "state = 'leased', (worker, leased_until) = row('w1', statehouse.now()), attempt = attempt + 1";
    for (doubt, before) in [("false", "null"), ("false", "'other'"), ("true", "null"), ("true", "'other'")] {
        for state in STATES {
            put(&world, state, "K").await;
            let text = format!(
                "set session_replication_role = replica; update statehouse.effect set doubt = {doubt}, through = {before}; reset session_replication_role"
            );
            world.admin.batch_execute(&text).await.unwrap();
            let free = doubt == "false";
            let lawful = |allowed: bool| if allowed { "ok" } else { "S7023" };
            let about = format!("{state}, doubt {doubt}, through {before}");
            // Some third one, and its own.
            for after in ["'third'", "case when through is null then 'third' end"] {
                assert_eq!(tried(&world, &format!("through = {after}")).await, lawful(free && state == "due"), "{about}");
                if state == "due" {
                    assert_eq!(tried(&world, &format!("through = {after}, {claims}")).await, lawful(free), "{about}, claimed");
                }
                if state == "leased" {
                    assert_eq!(tried(&world, &format!("through = {after}, {}", columns("due"))).await, lawful(free), "{about}, given back");
                    let doubted = format!("through = {after}, doubt = true, {}", columns("due"));
                    assert_eq!(tried(&world, &doubted).await, "S7023", "{about}, given back in doubt");
                    assert_eq!(tried(&world, &format!("through = {after}, {}", columns("done"))).await, "S7023", "{about}, done");
                }
            }
            assert_eq!(tried(&world, "through = through").await, "ok", "{about}");
        }
    }
    put(&world, "due", "K").await;
    assert_eq!(tried(&world, "through = connector").await, "23514", "its own is no other");
    // The same with the law away.
    world.admin.batch_execute("set session_replication_role = replica; update statehouse.effect set doubt = true; reset session_replication_role; drop trigger effect_law_2_states on statehouse.effect").await.unwrap();
    assert_eq!(tried(&world, "through = 'third'").await, "ok");
}
