//! A state renamed and one split while records stand in them.

use statehouse_compile::plan::{Action, Mapping, Plan, Request, StateChange, plan, render};

use crate::world::{Place, World, apply, counts, no_text};

const ROWS: &str = r#"
    insert into app."order" (tenant, id, priority, state)
    select 1, engine.new_id(), case when n % 2 = 0 then 'urgent' else 'normal' end, case when n <= 3 then 'sourcing' else 'production' end from generate_series(1, 8) n;
"#;
const AFTER: &str = r#"
    alter table app."order" drop constraint order_state_known, add constraint order_state_known check (state in ('draft', 'buying', 'rush', 'production_line', 'done'));
    comment on constraint order_state_known on app."order" is 'the fifteen';
    create or replace function app.order_verdict() returns trigger language plpgsql as $f$ begin new.version := new.version + 1; return new; end $f$;
"#;

fn change() -> StateChange {
    let list = |states: &[&str]| states.iter().map(|state| (*state).to_owned()).collect();
    StateChange {
        entity: "order".into(),
        schema: "app".into(),
        table: "order".into(),
        constraint: "order_state_known".into(),
        before: list(&["draft", "sourcing", "production", "done"]),
        after: list(&["draft", "buying", "rush", "production_line", "done"]),
        ..StateChange::default()
    }
}

async fn make(world: &World, live: &Place, scratch: &Place, mapping: &str) -> Plan {
    let mapping: Mapping = serde_json::from_str(mapping).expect("a mapping");
    let (now, desired) = (world.snapshot(live).await, world.desired(scratch).await);
    let mut counts = counts(8);
    counts.states = [(("order".into(), "sourcing".into()), 3), (("order".into(), "production".into()), 5)].into();
    plan(&Request {
        live: &now,
        desired: &desired,
        stored: Some(&now),
        compiled_sql: &no_text,
        changes: &[change()],
        mapping: &mapping,
        counts: &counts,
    })
}

#[tokio::test]
async fn asks_for_a_mapping_and_names_the_counts() {
    let world = World::new().await;
    let live = world.place("live", &[1], ROWS).await;
    let scratch = world.place("scratch", &[1], AFTER).await;
    let cases = [
        ("{}", "records of `order` stand in removed states: 3 in `sourcing`, 5 in `production`"),
        (r#"{"order":{"sourcing":{"to":"buying"}}}"#, "records of `order` stand in removed states: 5 in `production`"),
        (
            r#"{"order":{"sourcing":{"to":"byuing"},"production":{"to":"rush"}}}"#,
            "the mapping sends `sourcing` to `byuing`, which is no state of `order`",
        ),
        (
            r#"{"order":{"sourcing":{"to":"buying"},"production":{"split":[{"when":"true","to":"rush"}]}}}"#,
            "the split of `production` leaves out records that meet no condition",
        ),
    ];
    for (mapping, message) in cases {
        let refusals = make(&world, &live, &scratch, mapping).await.refusals(&[]);
        let found: Vec<(&str, &str)> = refusals.iter().map(|finding| (finding.code.as_str(), finding.message.as_str())).collect();
        assert_eq!(found, [("SH3052", message)], "{mapping}");
    }
    assert!(serde_json::from_str::<Mapping>(r#"{"order":{"sourcing":{"to":"buying","wen":"x"}}}"#).is_err(), "unknown keys are refused");
}

#[tokio::test]
async fn widens_switches_moves_and_narrows() {
    let world = World::new().await;
    let live = world.place("live", &[1], ROWS).await;
    let scratch = world.place("scratch", &[1], AFTER).await;
    let mapping = r#"{"order":{"sourcing":{"to":"buying"},"production":{"split":[{"when":"priority = 'urgent'","to":"rush"},{"to":"production_line"}]}}}"#;
    let found = make(&world, &live, &scratch, mapping).await;
    assert!(found.refusals(&[]).is_empty(), "{}", render(&found));
    let order: Vec<String> = found.steps.iter().map(|step| format!("{:?} {}", step.action, step.reason)).collect();
    let expected = [
        "Alter old and new states side by side",
        "Alter body differs",
        "Alter rows that are there are read against it",
        "Migrate 8 records leave `sourcing`, `production`",
        "Alter only the new states",
        "Alter rows that are there are read against it",
    ];
    assert_eq!(order, expected);
    // `apply` moves rows in batches under a session of kind migration; here one statement per branch is enough.
    let at = found.steps.iter().position(|step| step.action == Action::Migrate).expect("a migration");
    let part = |steps: &[statehouse_compile::plan::Step]| Plan { steps: steps.to_vec(), ..found.clone() };
    apply(&part(&found.steps[..at]), &live).await.expect("widened");
    let migration = found.steps[at].migration.as_ref().expect("moves");
    for step in &migration.moves {
        for branch in &step.branches {
            let when = branch.when.as_deref().unwrap_or("true");
            let sql = format!(r#"update app."order" set state = '{}' where state = '{}' and ({when})"#, branch.to, step.from);
            live.client.batch_execute(&sql).await.expect("moved");
        }
    }
    apply(&part(&found.steps[at + 1..]), &live).await.expect("narrowed");
    let rows = live.client.query(r#"select state, count(*) from app."order" group by 1 order by 1"#, &[]).await.expect("rows");
    let states: Vec<(String, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    // Of the eight, 1–3 were sourcing; of 4–8 the even ones were urgent.
    assert_eq!(states, [("buying".into(), 3), ("production_line".into(), 2), ("rush".into(), 3)]);
    let again = make(&world, &live, &scratch, mapping).await;
    assert!(again.is_empty(), "{}", render(&again));
}
