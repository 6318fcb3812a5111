//! What a connector says may not change under what may have been sent.

use statehouse_definition::{App, Severity, SourceFile, check, read};
use statehouse_store::doctor;

use crate::world::{ORDER, SHOP, World, code};

const SMS: &str = "\
connector: sms
version: 1
class: Q
base: \"https://sms.example\"
actions:
  ready:
    args: { to: required }
    text: { en: \"Ready [{ref}]\" }
    send: { post: \"/messages\", json: { to: \"{to}\", body: \"{text}\" } }
    ask: { get: \"/messages\", query: { to: \"{to}\" }, list: items, where: { body: \"{text}\" } }
  late:
    args: { to: required }
    send: { post: \"/messages\", json: { to: \"{to}\", body: \"late {ref}\" } }
    ask: { get: \"/messages\", query: { to: \"{to}\" }, list: items, where: { to: \"{to}\" } }
";

/// The shop with this connector.
fn with(sms: &str) -> App {
    let files = [("app.yaml", SHOP), ("entities/order.yaml", ORDER), ("connectors/sms.yaml", sms)]
        .map(|(path, text)| SourceFile { path: path.into(), text: text.into() });
    let loaded = read(&files);
    let app = loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings));
    let errors: Vec<_> = check(&app).into_iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    app
}

/// One effect of `ready`, as `columns` and `values` say.
fn owe(world: &World, columns: &str, values: &str) {
    world.tamper(&format!(
        "set session_replication_role = replica;
         delete from statehouse.effect;
         insert into statehouse.effect (tenant, record, seq, n, app, entity, verb, connector, action, version, class, args, due_at{columns})
         values (1, gen_random_uuid(), 1, 1, 'shop', 'order', 'pack', 'sms', 'ready', 1, 'Q', '{{}}', now(){values});"
    ));
}

#[tokio::test]
async fn what_may_have_been_sent_keeps_its_words() {
    let first = with(SMS);
    let world = World::with("words", &first).await;
    let reworded = with(&SMS.replace("Ready [", "It is ready ["));
    let other_action = with(&SMS.replace("late {ref}", "too late {ref}"));
    let another_way = with(&SMS.replace("sms.example", "sms.example.org"));
    let without = with(&SMS.replace("  ready:", "  done:"));
    let slower = with(&SMS.replace("class: Q\n", "class: Q\nlimit: 1 per second\ntimeout: 5 seconds\n"));
    let bumped = with(&SMS.replace("version: 1", "version: 2").replace("Ready [", "It is ready ["));

    // (where it stands, what changes, whether it may)
    let leased = (", state, worker, leased_until", ", 'leased', 'w', now()");
    let doubt = (", doubt", ", true");
    let unknown = (", state, doubt", ", 'unknown', true");
    let due = ("", "");
    let done = (", state, finished_at, doubt", ", 'done', now(), false");
    for (stands, may) in [(leased, false), (doubt, false), (unknown, false), (due, true), (done, true)] {
        owe(&world, stands.0, stands.1);
        for changed in [&reworded, &another_way] {
            let proposal = world.propose(changed).await;
            let told: Vec<_> = proposal.plan.findings.iter().map(|finding| finding.message.as_str()).collect();
            let expected = "connector `sms` speaks otherwise under version 1, by which 1 effects are still to be judged";
            assert_eq!(told, if may { vec![] } else { vec![expected] }, "{}", stands.1);
        }
        for fine in [&other_action, &slower, &bumped] {
            assert_eq!(world.propose(fine).await.plan.findings, [], "{}", stands.1);
        }
    }
    // An action that is no more takes along what is due too.
    owe(&world, due.0, due.1);
    assert_eq!(world.propose(&without).await.plan.findings.len(), 1);

    owe(&world, doubt.0, doubt.1);
    assert_eq!(code(world.apply(&reworded).await), "SH3063");
    // What was sent after the plan was made counts as well.
    owe(&world, due.0, due.1);
    let proposal = world.propose(&reworded).await;
    owe(&world, doubt.0, doubt.1);
    let refused = statehouse_store::apply::apply(&world.place, &reworded, &proposal, &[]).await;
    assert_eq!(code(refused), "SH3063");
    world.apply(&bumped).await.expect("applied");
    // Back under the old number is another word under it.
    assert_eq!(code(world.apply(&reworded).await), "SH3063");
    world.apply(&first).await.expect("the same words");
}

#[tokio::test]
async fn the_doctor_names_a_version_that_nobody_knows() {
    let first = with(SMS);
    let world = World::with("strange", &first).await;
    let found = async || {
        let checks = doctor::examine(&world.place, &first).await.expect("examined");
        checks.into_iter().find(|check| check.name == "versions of connectors").map(|check| (check.fine, check.found)).expect("a check")
    };
    owe(&world, "", "");
    assert_eq!(found().await, (true, "all that is due is known".to_owned()));
    world.tamper("set session_replication_role = replica; update statehouse.effect set version = 7;");
    assert_eq!(found().await, (false, "1 of `sms` due under version 7".to_owned()));
}
