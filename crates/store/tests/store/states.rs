//! Records that stand in a state the new definition no longer has.

use statehouse_compile::plan::Mapping;
use statehouse_store::apply::apply_now;
use statehouse_store::people::{self, Instead, People};

use crate::world::{ORDER, SHOP, World, app, code};

const PEOPLE: &str = r#"{ "tenants": [
  { "slug": "one", "name": "One", "members": [ { "name": "Ada", "email": "ada@one.example", "role": "rep" } ] },
  { "slug": "two", "name": "Two", "members": [ { "name": "Bea", "email": "bea@two.example", "role": "rep" } ] } ] }"#;

/// Two tenants with `each` packed orders, every third of them urgent, made and moved by people through their views.
async fn world(each: u32) -> World {
    let shop = app(SHOP, ORDER);
    let world = World::with("states", &shop).await;
    let people: People = serde_json::from_str(PEOPLE).expect("people");
    let mut admin = world.place.connect_admin().await.expect("connected");
    people::ensure(&mut admin, &shop, &people).await.expect("people");
    for key in people::issue_keys(&mut admin, "shop", "test", Instead::OfNone).await.expect("keys") {
        let run = world.database.psql(
            "statehouse_api",
            &format!(
                "select statehouse.enter('{}');
                 insert into shop_rep.\"order\" (title, urgent) select 'n' || n, n % 3 = 0 from generate_series(1, {each}) n;
                 update shop_rep.\"order\" set fire = 'pack';",
                key.key
            ),
        );
        run.ok();
    }
    world
}

fn split() -> String {
    ORDER
        .replace(
            "  packed: { owner: rep, may_wait: forever }\n",
            "  rush: { owner: rep, may_wait: forever }\n  boxed: { owner: rep, may_wait: forever }\n",
        )
        .replace("to: packed, by: [rep]", "to: boxed, by: [rep]")
        .replace("from: packed, to: done", "from: [boxed, rush], to: done")
        .replace("  finish:", "  hurry: { from: boxed, to: rush, by: [rep] }\n  finish:")
}

#[tokio::test]
async fn without_a_mapping_nothing_is_touched() {
    let world = world(3).await;
    let renamed = app(SHOP, &ORDER.replace("packed", "boxed"));
    let refused = world.apply(&renamed).await;
    let fault = refused.as_ref().expect_err("refused").fault();
    assert!(fault.detail.contains("6 in `packed`"), "{}", fault.detail);
    assert_eq!(code(refused), "SH3052");
    assert_eq!(world.database.value_as_superuser("select count(*) from shop.\"order\" where state = 'packed'"), "6");
}

#[tokio::test]
async fn a_slip_in_the_mapping_is_named_and_nothing_is_touched() {
    let world = world(1).await;
    let shop = app(SHOP, &ORDER.replace("packed", "boxed"));
    let refused = async |entity: &str, state: &str| {
        let right = serde_json::json!({ "order": { "packed": { "to": "boxed" } } });
        let mut mapping: Mapping = serde_json::from_value(right).expect("a mapping");
        let target = mapping.0["order"]["packed"].clone();
        mapping.0.entry(entity.to_owned()).or_default().insert(state.to_owned(), target);
        let fault = apply_now(&world.place, &shop, &mapping, &[]).await.expect_err("refused");
        let fault = fault.fault();
        (fault.code.code, fault.detail.clone(), fault.help.clone())
    };
    let said = |detail: &str, help: &str| ("SH3052", detail.to_owned(), help.to_owned());
    let entity = said("the mapping names `ordr`, which is no entity of `shop`", "did you mean `order`?");
    assert_eq!(refused("ordr", "packed").await, entity);
    let state = said("the mapping names `paked`, which is no state of `order`", "did you mean `packed`?");
    assert_eq!(refused("order", "paked").await, state);
    assert_eq!(world.database.value_as_superuser("select count(*) from shop.\"order\" where state = 'packed'"), "2");
}

#[tokio::test]
async fn a_state_is_split_by_the_mapping_under_the_law() {
    let world = world(450).await;
    let shop = app(SHOP, &split());
    let mapping = |when: &str| -> Mapping {
        serde_json::from_value(
            serde_json::json!({ "order": { "packed": { "split": [ { "when": when, "to": "rush" }, { "to": "boxed" } ] } } }),
        )
        .expect("a mapping")
    };
    let attack = apply_now(&world.place, &shop, &mapping("pg_sleep(1) is null"), &[]).await;
    assert_eq!(code(attack), "SH3024");

    let applied = apply_now(&world.place, &shop, &mapping("urgent"), &[]).await.expect("applied");
    assert_eq!((applied.version, applied.migrated), (2, 900));
    let value = |sql: &str| world.database.value_as_superuser(sql);
    assert_eq!(value("select state, count(*) from shop.\"order\" group by 1 order by 1"), "boxed|600\nrush|300");
    assert_eq!(
        value("select verb, kind, from_state, definition, count(*) from statehouse.event where verb = 'migrated' group by 1, 2, 3, 4"),
        "migrated|migration|packed|2|900"
    );
    assert_eq!(
        value("select count(*) from shop.\"order\" o join statehouse.event e on e.record = o.id and e.seq = o.version and e.head = o.head"),
        "900"
    );
    assert_eq!(value("select count(distinct tenant) from statehouse.event where verb = 'migrated'"), "2");
    assert_eq!(value("select pg_get_constraintdef(oid) like '%packed%' from pg_constraint where conname = 'order_state_known'"), "f");
    world.settled(&shop).await;
}
