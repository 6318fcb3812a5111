//! Propose and apply: first, again, after tampering, after a change.

use statehouse_compile::plan::{Kind, Mapping, ObjectId, Step};
use statehouse_definition::App;
use statehouse_store::{apply, doctor};

use statehouse_testkit::Cluster;

use crate::world::{ORDER, SHOP, World, app, code, orders};

#[tokio::test]
async fn the_second_plan_of_the_orders_app_says_no_changes() {
    let (world, orders) = (World::new("first"), orders());
    let proposal = world.propose(&orders).await;
    let first = proposal.first.as_ref().expect("nothing is there yet");
    assert!(first.engine);
    assert_eq!(first.objects["orders"]["table"], 11, "order, lines, client, comment, request, settlement, five rule tables");

    let applied = apply::apply(&world.place, &orders, &proposal, &[]).await.expect("applied");
    assert_eq!(applied.version, 1);
    assert!(applied.steps > 500, "{} objects", applied.steps);
    world.settled(&orders).await;

    let again = world.apply(&orders).await.expect("nothing to do");
    assert_eq!((again.version, again.steps, again.rule_rows), (1, 0, 0));
    assert_eq!(world.database.value_as_superuser("select count(*) from statehouse.definition"), "1");
}

#[tokio::test]
async fn the_rows_of_rule_tables_are_those_of_the_definition() {
    let orders = orders();
    let world = World::with("rules", &orders).await;
    let rows = || world.database.value_as_superuser("select count(*) from orders.tariff where tenant is null");
    // As many as data lines in prices/tariff.csv.
    assert_eq!(rows(), "9");
    world.tamper(
        "update orders.tariff set amount = amount + 1 where item = 'handling'; delete from orders.tariff where item = 'auto_markup'",
    );
    world.apply(&orders).await.expect("applied");
    assert_eq!(rows(), "9");
    assert_eq!(world.database.value_as_superuser("select amount from orders.tariff where item = 'handling'"), "4900");
}

#[tokio::test]
async fn what_a_superuser_changed_is_found_and_put_back() {
    let shop = app(SHOP, ORDER);
    let world = World::with("drift", &shop).await;
    let drift = [
        "drop trigger law_4_verdict on shop.\"order\"",
        "alter table shop.\"order\" no force row level security",
        "alter table shop.\"order\" disable trigger law_1_identity",
        "grant update on shop.\"order\" to statehouse_api",
        "create or replace function statehouse.actor() returns uuid language sql as 'select gen_random_uuid()'",
        "alter view shop_rep.\"order\" reset (security_barrier)",
        "alter table statehouse.event disable row level security",
    ];
    for sql in drift {
        world.tamper(sql);
        let proposal = world.propose(&shop).await;
        assert!(proposal.plan.steps.iter().any(|step| step.drift), "{sql}\n{}", statehouse_compile::plan::render(&proposal.plan));
        apply::apply(&world.place, &shop, &proposal, &[]).await.unwrap_or_else(|fault| panic!("{sql}: {:?}", fault.fault()));
        world.settled(&shop).await;
    }
}

/// Roles belong to the whole server, so this has one of its own.
#[tokio::test]
async fn what_a_superuser_did_to_a_role_is_put_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Cluster::start(folder.path()).expect("a server");
    let shop = app(SHOP, ORDER);
    let world = World::on(&cluster, "roles");
    world.apply(&shop).await.expect("applied");
    for sql in ["alter role shop_rep_eye bypassrls", "grant statehouse_owner to statehouse_api", "alter role statehouse_read createrole"] {
        world.tamper(sql);
        let proposal = world.propose(&shop).await;
        assert_eq!(proposal.plan.steps.len(), 1, "{sql}\n{}", statehouse_compile::plan::render(&proposal.plan));
        apply::apply(&world.place, &shop, &proposal, &[]).await.unwrap_or_else(|fault| panic!("{sql}: {:?}", fault.fault()));
        world.settled(&shop).await;
    }
}

#[tokio::test]
async fn drift_is_found_with_the_stored_definition_emptied() {
    let shop = app(SHOP, ORDER);
    let world = World::with("emptied", &shop).await;
    world.tamper("delete from statehouse.definition; alter table shop.\"order\" no force row level security");
    let proposal = world.propose(&shop).await;
    assert_eq!(proposal.plan.steps.len(), 1, "{}", statehouse_compile::plan::render(&proposal.plan));
    assert_eq!(proposal.plan.steps[0].object, ObjectId::new(Kind::Table, "shop", "order", ""));
    world.apply(&shop).await.expect("applied");
    world.settled(&shop).await;
}

#[tokio::test]
async fn data_is_given_up_only_by_name() {
    let shop = app(SHOP, ORDER);
    let world = World::with("destroys", &shop).await;
    world.tamper(
        "insert into statehouse.tenant (slug, name) values ('a', 'A');
         set session_replication_role = replica;
         insert into shop.\"order\" (tenant, id, rep, title, urgent, note, state, entered_at, changed_at, version, verb, head)
         select 1, gen_random_uuid(), gen_random_uuid(), 'x', false, 'kept', 'open', now(), now(), 1, 'created', '\\x00'",
    );
    let less = app(SHOP, &ORDER.replace("  note: { type: text }\n", "").replace(", note]", "]"));
    assert_eq!(code(world.apply(&less).await), "SH3051");
    assert_eq!(world.database.value_as_superuser("select note from shop.\"order\""), "kept");
    let applied = apply::apply_now(&world.place, &less, &Mapping::default(), &["order.note".into()]).await.expect("allowed");
    assert_eq!(applied.version, 2);
    world.settled(&less).await;
}

#[tokio::test]
async fn a_database_that_moved_on_refuses_the_plan_of_before() {
    let shop = app(SHOP, ORDER);
    let world = World::with("stale", &shop).await;
    let more = app(SHOP, &ORDER.replace("  note:", "  weight: { type: decimal }\n  note:"));
    let proposal = world.propose(&more).await;
    world.tamper("create index sneaked on shop.\"order\" (title)");
    assert_eq!(code(apply::apply(&world.place, &more, &proposal, &[]).await), "SH3053");
    world.apply(&more).await.expect("a new plan");
}

#[tokio::test]
async fn a_foreign_trigger_before_the_law_stops_apply() {
    let shop = app(SHOP, ORDER);
    let world = World::with("foreign", &shop).await;
    world.tamper(
        "create schema theirs; create function theirs.f() returns trigger language plpgsql as 'begin return new; end';
         create trigger aaa before update on shop.\"order\" for each row execute function theirs.f()",
    );
    let more = app(SHOP, &ORDER.replace("  note:", "  weight: { type: decimal }\n  note:"));
    assert_eq!(code(world.apply(&more).await), "SH3054");
    world.tamper("drop trigger aaa on shop.\"order\"");
    world.apply(&more).await.expect("applied");
}

/// Whoever reports on the app keeps views and tables beside ours; an apply neither takes them over nor drops them later.
#[tokio::test]
async fn what_was_made_by_hand_stays_foreign_and_stands() {
    let shop = app(SHOP, ORDER);
    let world = World::with("adopted", &shop).await;
    world.tamper(
        "create table shop.theirs (n int); create view shop.report as select count(*) as n from shop.\"order\";
         create function shop.twice(n int) returns int language sql as 'select 2 * n'; create index their_title on shop.\"order\" (title)",
    );
    for (field, version) in [("weight", 2), ("height", 3)] {
        let more = format!("  {field}: {{ type: decimal }}\n  note:");
        let changed = app(SHOP, &ORDER.replace("  note:", &more));
        let proposal = world.propose(&changed).await;
        let text = statehouse_compile::plan::render(&proposal.plan);
        let foreign = text.split("not ours, left alone").nth(1).unwrap_or_else(|| panic!("{text}"));
        for name in ["shop.theirs", "shop.report", "shop.twice", "shop.order.their_title"] {
            assert!(foreign.contains(name), "{name} in\n{text}");
        }
        // The second change drops the field of the first, which holds nothing.
        let applied =
            apply::apply(&world.place, &changed, &proposal, &[]).await.unwrap_or_else(|fault| panic!("{:?}\n{text}", fault.fault()));
        assert_eq!(applied.version, version);
        let stand = "select count(*) from unnest('{shop.theirs,shop.report,shop.their_title}'::text[]) n where to_regclass(n) is not null";
        assert_eq!(world.database.value_as_superuser(stand), "3");
        assert_eq!(world.database.value_as_superuser("select shop.twice(4)"), "8");
    }
}

#[tokio::test]
async fn a_name_that_nothing_is_destroyed_by_is_refused() {
    let shop = app(SHOP, ORDER);
    let world = World::with("slip", &shop).await;
    world.tamper(
        "insert into statehouse.tenant (slug, name) values ('a', 'A');
         set session_replication_role = replica;
         insert into shop.\"order\" (tenant, id, rep, title, urgent, note, state, entered_at, changed_at, version, verb, head)
         select 1, gen_random_uuid(), gen_random_uuid(), 'x', false, 'kept', 'open', now(), now(), 1, 'created', '\\x00'",
    );
    let less = app(SHOP, &ORDER.replace("  note: { type: text }\n", "").replace(", note]", "]"));
    let slip = ["order.note".to_owned(), "order.not".to_owned()];
    let fault = apply::apply_now(&world.place, &less, &Mapping::default(), &slip).await.expect_err("refused");
    let fault = fault.fault();
    assert_eq!((fault.code.code, fault.detail.as_str()), ("SH3051", "`--allow-destroy order.not` names nothing that this plan destroys"));
    assert_eq!(fault.help, "what this plan destroys is `order.note`");
    assert_eq!(world.database.value_as_superuser("select note from shop.\"order\""), "kept");
}

#[tokio::test]
async fn the_fingerprint_stands_for_the_definition_too() {
    let shop = app(SHOP, ORDER);
    let world = World::with("print", &shop).await;
    let print = async |app: &App| world.propose(app).await.plan.fingerprint;
    let said = app(&SHOP.replace("Hurry }", "Make haste }"), ORDER);
    let (one, other) = (print(&shop).await, print(&said).await);
    assert_ne!(one, other);
    assert_eq!(print(&shop).await, one);
    assert_eq!(one.len(), 64);
}

#[tokio::test]
async fn a_changed_text_is_a_new_version_and_no_step() {
    let shop = app(SHOP, ORDER);
    let world = World::with("text", &shop).await;
    let said = app(&SHOP.replace("Hurry }", "Make haste }"), ORDER);
    let proposal = world.propose(&said).await;
    let other = |step: &&Step| step.object != ObjectId::new(Kind::Function, "shop", "definition", "");
    assert!(proposal.has_changes() && proposal.plan.steps.iter().find(other).is_none());
    assert_eq!(world.apply(&said).await.expect("applied").version, 2);
    assert_eq!(world.database.value_as_superuser("select shop.definition()"), "2");
    let moved = app(&format!("# a comment moves every line\n\n{}", SHOP.replace("Hurry }", "Make haste }")), ORDER);
    world.settled(&moved).await;
}

#[tokio::test]
async fn neither_scratch_databases_nor_roles_stay_behind() {
    let world = World::new("tidy");
    let stranger = app(&SHOP.replace("app: shop", "app: unborn"), ORDER);
    world.propose(&stranger).await;
    assert_eq!(world.database.value_as_superuser("select count(*) from pg_roles where rolname like 'unborn%'"), "0");
    world.database.psql_as_superuser("create database statehouse_scratch_dead").ok();
    apply::sweep(&world.place).await.expect("swept");
    assert_eq!(world.database.value_as_superuser("select count(*) from pg_database where datname like 'statehouse_scratch_%'"), "0");
}

#[tokio::test]
async fn the_doctor_finds_what_is_out_of_order() {
    let shop = app(SHOP, ORDER);
    let world = World::with("doctor", &shop).await;
    let wrong = |checks: Vec<doctor::Check>| -> Vec<&'static str> {
        checks.into_iter().filter(|check| !check.fine).map(|check| check.name).collect()
    };
    assert_eq!(wrong(doctor::examine(&world.place, &shop).await.expect("examined")), Vec::<&str>::new());
    world.tamper(
        "insert into statehouse.tenant (slug, name) values ('a', 'A');
         insert into statehouse.timer (tenant, record, verb, entity, seq, due_at) values (1, gen_random_uuid(), 'x', 'shop.order', 1, now() - interval '1 hour');
         insert into statehouse.event (tenant, entity, record, seq, at, verb, to_state, actor, kind, definition, payload_hash, previous, head)
         values (1, 'shop.order', gen_random_uuid(), 1, '1999-01-01', 'created', 'open', gen_random_uuid(), 'member', 1, sha256(''), sha256(''), sha256(''));
         create policy open on shop.\"order\" for select using (true)",
    );
    world.tamper(&format!("alter role statehouse_api in database {} set statement_timeout = '1min'", world.database.name()));
    let checks = doctor::examine(&world.place, &shop).await.expect("examined");
    // A role's settings are part of what `apply` makes, so they are drift too. What is due for an hour has nobody who works it off.
    assert!(checks.iter().any(|check| check.name == "timers" && check.found.starts_with("1 due, the oldest for ")), "{checks:?}");
    assert!(checks.iter().any(|check| check.found == "`statehouse_api` begins with statement_timeout=1min"), "{checks:?}");
    assert_eq!(wrong(checks), ["role settings", "definition", "foreign objects", "events without month", "timers"]);
}

#[tokio::test]
async fn the_doctor_tells_that_events_are_ahead_of_the_server() {
    let shop = app(SHOP, ORDER);
    let world = World::with("doctor_feed", &shop).await;
    let event = |entity: &str, at: &str| {
        world.tamper(&format!(
            "insert into statehouse.tenant (slug, name) values ('a', 'A') on conflict do nothing;
             insert into statehouse.event (tenant, entity, record, seq, at, verb, to_state, actor, kind, definition, payload_hash, previous, head, xid)
             values (1, '{entity}', gen_random_uuid(), 1, now(), 'created', 'open', gen_random_uuid(), 'member', 1, sha256(''), sha256(''), sha256(''), {at})"
        ));
    };
    let feed = async || {
        let checks = doctor::examine(&world.place, &shop).await.expect("examined");
        checks.into_iter().find(|check| check.name == "feed").expect("it is looked at")
    };
    event("shop.order", "pg_current_xact_id()");
    assert!(feed().await.fine);
    // As a dump of a server that is in its third round of transactions brings them.
    event("shop.zebra", "'8589934999'");
    event("shop.order", "pg_current_xact_id()");
    let found = feed().await;
    assert!(!found.fine && found.found.starts_with("events stand at transaction 8589934999, the server is at "), "{found:?}");
    assert!(found.help.as_deref().is_some_and(|help| help.contains("`pg_resetwal --epoch 3`")), "{found:?}");
}

#[tokio::test]
async fn an_engine_of_another_release_is_left_alone() {
    let shop = app(SHOP, ORDER);
    let world = World::with("engine", &shop).await;
    world.tamper("update statehouse.setting set value = '2' where name = 'engine_schema'");
    assert_eq!(code(world.apply(&shop).await), "SH0011");
    world.tamper("update statehouse.setting set value = '1' where name = 'engine_schema'");
    world.settled(&shop).await;
}

#[tokio::test]
async fn an_apply_that_stopped_half_way_is_taken_up_where_it_stopped() {
    let shop = app(SHOP, ORDER);
    let world = World::with("halfway", &shop).await;
    world.tamper(
        "insert into statehouse.tenant (slug, name) values ('a', 'A');
         set session_replication_role = replica;
         insert into shop.\"order\" (tenant, id, rep, title, urgent, note, state, entered_at, changed_at, version, verb, head)
         select 1, gen_random_uuid(), gen_random_uuid(), 'x', false, 'too long', 'open', now(), now(), 1, 'created', sha256('')",
    );
    let strict = ORDER.replace("note: { type: text }", "note: { type: text, check: \"length(note) < 5\" }");
    let strict = app(SHOP, &strict.replace("  note:", "  weight: { type: decimal }\n  note:"));
    // The column and the new law are there; proving the check over the rows, on its own, is what fails.
    assert_eq!(code(world.apply(&strict).await), "SH5011");
    assert_eq!(world.database.value_as_superuser("select max(version) from statehouse.definition"), "2");

    let rest = world.propose(&strict).await;
    assert!(rest.has_changes() && !rest.text_changed);
    assert!(rest.plan.steps.iter().all(|step| step.object.kind == Kind::Constraint && !step.drift), "{:#?}", rest.plan.steps);
    world.tamper("set session_replication_role = replica; update shop.\"order\" set note = 'ok'");
    assert_eq!(apply::apply(&world.place, &strict, &rest, &[]).await.expect("applied").version, 2);
    world.settled(&strict).await;
}
