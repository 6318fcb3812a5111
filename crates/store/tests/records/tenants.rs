//! A tenant limited, suspended, written out, read in again and erased.

use std::collections::BTreeMap;

use statehouse_store::export::{Whole, tenant as export};
use statehouse_store::import::{Import, Source, import};
use statehouse_store::people::erase::erase;
use statehouse_store::people::{self, Member, People, Tenant, tenant};
use statehouse_store::record::{enter, enter_as};
use statehouse_store::{Db, Login, audit};

use crate::world::{self, World};

/// Rows of a tenant, by table, whatever tables there are.
async fn rows(world: &World, tenant: i32) -> BTreeMap<String, i64> {
    let admin = world.admin().await;
    let tables = admin
        .query(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
              where n.nspname in ('statehouse', 'orders') and c.relkind = 'r' and a.attname = 'tenant' and c.relname <> 'tenant'",
            &[],
        )
        .await
        .unwrap();
    let mut rows = BTreeMap::new();
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        let count: i64 = admin.query_one(&format!("select count(*) from {table} where tenant = $1"), &[&tenant]).await.unwrap().get(0);
        if count > 0 {
            rows.insert(table, count);
        }
    }
    rows
}

#[tokio::test]
async fn an_erased_tenant_leaves_its_tombstone_and_nobody_else_loses_a_row() {
    let world = world::full("erased").await;
    let mut admin = world.admin().await;
    let (nordur, baltyk) = (1, 2);
    let (before, other) = (rows(&world, nordur).await, rows(&world, baltyk).await);
    assert!(before.len() > 10 && before["orders.order_lines"] > 300, "{before:?}");
    let root = audit::anchor(&mut admin).await.unwrap().tenants[0].root.clone();

    let refused = admin.execute("delete from orders.\"order\" where tenant = 1", &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "S4014", "records are kept until their tenant is erased");
    let erased = erase(&mut admin, "nordur").await.unwrap();
    assert_eq!(rows(&world, nordur).await, BTreeMap::new());
    assert_eq!(rows(&world, baltyk).await, other);
    assert_eq!(erased.audit_root, root);
    assert_eq!(erased.rows["orders.order_lines"] as i64, before["orders.order_lines"], "no event was written in its place");
    let tombstone = tenant::all(&admin).await.unwrap().into_iter().find(|one| one.slug == "nordur").unwrap();
    assert_eq!((tombstone.name.as_str(), tombstone.audit_root.as_deref()), ("", Some(root.as_str())));
    assert!(tombstone.erased_at.is_some() && tombstone.suspended_at.is_some());
    let strangers: i64 = world
        .admin_value(
            "select count(*) from statehouse.member m where not exists (select from statehouse.tenant_member t where t.member = m.member)",
        )
        .await;
    assert_eq!(strangers, 0, "people who belong nowhere are forgotten");

    assert!(erase(&mut admin, "nordur").await.unwrap().rows.is_empty(), "again changes nothing");
    tenant::resume(&mut admin, "nordur").await.unwrap();
    let key = &world.keys.iter().find(|key| key.tenant == "nordur").unwrap().key;
    assert_eq!(enter(&world.api, key).await.unwrap_err().fault().code.code, "SH2003", "erased is for good");
    assert!(audit::verify(&mut admin, None).await.unwrap().findings.is_empty());
}

#[tokio::test]
async fn what_is_written_out_is_read_in_as_another_tenant() {
    let world = world::full("moved_out").await;
    let mut admin = world.admin().await;
    let orders: i64 = world.admin_value("select count(*) from orders.\"order\" where tenant = 1").await;
    tenant::suspend(&mut admin, "nordur").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("nordur");
    let written = export(&world.place, Whole { app: &world.app, tenant: "nordur" }, &out).await.unwrap();
    let of = |file: &str| written.iter().find(|one| one.file == file).map(|one| one.rows as i64);
    assert_eq!(
        (of("records/order.jsonl"), of("import/order.json"), of("events.jsonl")),
        (Some(orders), Some(orders), Some(world.admin_value("select count(*) from statehouse.event where tenant = 1").await))
    );
    let again = export(&world.place, Whole { app: &world.app, tenant: "nordur" }, &out).await.unwrap_err();
    assert_eq!(again.fault().code.code, "SH0003", "a folder with something in it is left alone");
    let living: i64 = world.admin_value("select count(*) from statehouse.session where tenant = 1 and revoked_at is null").await;
    assert_eq!(living, 0, "the session of the export is ended");

    let members: Vec<Member> = std::fs::read_to_string(out.join("members.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|one| Member {
            name: one["name"].as_str().unwrap().into(),
            email: one["email"].as_str().unwrap().into(),
            role: one["role"].as_str().unwrap().into(),
            extra: Vec::new(),
            revoked: Vec::new(),
        })
        .collect();
    let moved = Tenant { slug: "sudur".into(), name: "Suður".into(), market: Some("IS".into()), members };
    people::ensure(&mut admin, &world.app, &People { tenants: vec![moved] }).await.unwrap();
    for entity in ["client", "order"] {
        let text = std::fs::read_to_string(out.join(format!("import/{entity}.json"))).unwrap();
        let mut worker = world.place.connect(Login::Worker).await.unwrap();
        let wanted = Import { app: &world.app, entity, tenant: "sudur", partial: false };
        let report = import(&admin, &mut worker, wanted, &[Source { name: format!("{entity}.json"), text }]).await.unwrap();
        assert_eq!((report.added as i64, &report.bad[..]), (of(&format!("import/{entity}.json")).unwrap(), &[][..]), "{entity}");
    }
    let differ = "select count(*) from (
        select title, state, net, gross, commission from orders.\"order\" where tenant = 1
        except all select title, state, net, gross, commission from orders.\"order\" where tenant = (select tenant from statehouse.tenant where slug = 'sudur')) x";
    assert_eq!(world.admin_value::<i64>(differ).await, 0, "the same orders at the same prices");
}

#[tokio::test]
async fn a_tenant_is_added_limited_suspended_and_resumed() {
    let world = world::empty("tenants").await;
    let mut admin = world.admin().await;
    tenant::add(&admin, "vestur", "Vestur", None).await.unwrap();
    assert_eq!(tenant::add(&admin, "vestur", "Vestur", None).await.unwrap_err().fault().code.code, "SH5010");
    assert_eq!(tenant::add(&admin, "No Slug", "x", None).await.unwrap_err().fault().code.code, "SH5011");
    tenant::limit(&mut admin, "vestur", "file_bytes", 5_000_000_000).await.unwrap();
    tenant::limit(&mut admin, "vestur", "members", 3).await.unwrap();
    assert_eq!(tenant::limit(&mut admin, "vestur", "friends", 3).await.unwrap_err().fault().code.code, "SH1001");
    assert_eq!(tenant::limit(&mut admin, "vestur", "keys", -1).await.unwrap_err().fault().code.code, "SH5011");
    let all = tenant::all(&admin).await.unwrap();
    let one = all.iter().find(|one| one.slug == "vestur").unwrap();
    assert_eq!(
        (one.limits["members"].as_i64(), one.limits["file_bytes"].as_i64(), one.limits["keys"].as_i64()),
        (Some(3), Some(5_000_000_000), Some(1000))
    );

    let key = &world.keys.iter().find(|key| key.tenant == "nordur").unwrap().key;
    let worker = Db::open(&world.place, Login::Worker, 1).unwrap();
    tenant::suspend(&mut admin, "nordur").await.unwrap();
    assert_eq!(enter(&world.api, key).await.unwrap_err().fault().code.code, "SH2003");
    assert_eq!(enter_as(&worker, "timer", 1, "orders").await.unwrap_err().fault().code.code, "SH2011");
    tenant::resume(&mut admin, "nordur").await.unwrap();
    enter(&world.api, key).await.unwrap();
    let noted: String = world.admin_value("select string_agg(what, ' ' order by tenant, n) from statehouse.admin_event").await;
    assert_eq!(noted, "tenant_suspended tenant_resumed tenant_limited tenant_limited");
    assert_eq!(tenant::suspend(&mut admin, "nowhere").await.unwrap_err().fault().code.code, "SH1001");
}
