//! Members and their keys.

use statehouse_store::people::{self, Instead, People};

use crate::world::{ORDER, SHOP, World, app, code};

fn people(role: &str) -> People {
    serde_json::from_value(serde_json::json!({ "tenants": [
        { "slug": "one", "name": "One", "market": "IS", "members": [
            { "name": "Ada", "email": "ada@one.example", "role": role, "extra": ["order.hurry"] },
            { "name": "Eve", "email": "eve@one.example", "role": "admin", "revoked": ["order.hurry"] } ] },
        { "slug": "two", "name": "Two", "members": [ { "name": "Ada", "email": "ada@one.example", "role": "admin" } ] } ] }))
    .expect("people")
}

#[tokio::test]
async fn a_key_opens_the_session_of_its_member_and_only_its_hash_is_kept() {
    let shop = app(SHOP, ORDER);
    let world = World::with("people", &shop).await;
    let mut admin = world.place.connect_admin().await.expect("connected");
    people::ensure(&mut admin, &shop, &people("rep")).await.expect("people");
    people::ensure(&mut admin, &shop, &people("rep")).await.expect("the same people again");
    assert_eq!(world.database.value_as_superuser("select count(*) from statehouse.member"), "2");

    let keys = people::issue_keys(&mut admin, "shop", "dev", Instead::OfOlder).await.expect("keys");
    let who: Vec<_> = keys.iter().map(|key| (key.tenant.as_str(), key.member.as_str(), key.role.as_str())).collect();
    assert_eq!(who.len(), 3);
    for expected in [("one", "ada@one.example", "rep"), ("one", "eve@one.example", "admin"), ("two", "ada@one.example", "admin")] {
        assert!(who.contains(&expected), "{expected:?} in {who:?}");
    }
    let session = |key: &str| {
        let sql =
            format!("select statehouse.enter('{key}') is not null; select (c).tenant, (c).role, (c).capabilities from statehouse.ctx() c;");
        world.database.psql("statehouse_api", &sql)
    };
    for key in &keys {
        assert!(key.key.starts_with(&format!("sk_{}_", key.tenant)) && key.key.len() == 3 + key.tenant.len() + 1 + 43, "{}", key.key);
        let capabilities = if key.member.starts_with("eve") { "{}" } else { "{order.hurry}" };
        assert!(session(&key.key).stdout.contains(capabilities), "{key:?}");
        let secret = &key.key[key.key.len() - 43..];
        assert!(!world.database.value_as_superuser("select k::text from statehouse.api_key k").contains(secret));
    }
    people::issue_keys(&mut admin, "shop", "dev", Instead::OfOlder).await.expect("new keys");
    assert!(session(&keys[0].key).stderr.contains("not accepted"));
}

#[tokio::test]
async fn a_role_the_app_does_not_have_is_refused() {
    let shop = app(SHOP, ORDER);
    let world = World::with("roles", &shop).await;
    let mut admin = world.place.connect_admin().await.expect("connected");
    assert_eq!(code(people::ensure(&mut admin, &shop, &people("salesman")).await), "SH3012");
    assert_eq!(world.database.value_as_superuser("select count(*) from statehouse.tenant"), "0");
}
