//! Files: another's upload, another's file, a hidden field's file, an address one has merely heard of.

use statehouse_testkit::TestDatabase;
use statehouse_testkit::app::set_clock;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};
use tokio_postgres::Client;

use super::{ask, patched};
use crate::world;

const ORDER: &str = "select id from orders.\"order\" where title = 'mixed/quoting'";

fn member(tenant: Tenant, role: &str) -> Persona {
    Persona::member("orders", tenant, role)
}

/// Uploads one small file and returns its address in hexadecimal.
async fn upload(client: &Client, name: &str, text: &str) -> String {
    let id = ask(client, &format!("select statehouse.upload_begin('{name}', 'text/plain', {})", text.len())).await;
    assert_eq!(ask(client, &format!("select statehouse.upload_append('{id}', 0, '{text}')")).await, text.len().to_string());
    ask(client, &format!("select encode(statehouse.upload_finish('{id}'), 'hex')")).await
}

/// Attaches as the artwork of the order being quoted.
async fn attach(client: &Client, role: &str, hash: &str) -> String {
    ask(client, &format!("update orders_{role}.\"order\" set artwork = decode('{hash}', 'hex') where title = 'mixed/quoting'")).await
}

/// A database in which the first client of `nordur` attached a file, and its address.
async fn attached(hint: &str) -> (TestDatabase, String) {
    let db = world::fresh(hint);
    let client = db.as_persona(&member(NORDUR, "client")).await;
    let hash = upload(&client, "poster.txt", "the artwork").await;
    assert_eq!(attach(&client, "client", &hash).await, "1 rows");
    (db, hash)
}

async fn reads(db: &TestDatabase, persona: &Persona, order: &str, field: &str, hash: &str) -> String {
    let client = db.as_persona(persona).await;
    let schema = &persona.schema;
    let name = ask(&client, &format!("select name from {schema}.order_file('{order}', '{field}')")).await;
    let bytes = ask(
        &client,
        &format!("select convert_from(bytes, 'UTF8') from {schema}.order_file_bytes('{order}', '{field}', decode('{hash}', 'hex'), 0, 3)"),
    )
    .await;
    format!("{name} / {bytes}")
}

#[tokio::test]
async fn a_file_is_read_by_who_sees_its_field() {
    let (db, hash) = attached("file_read").await;
    let order = db.value_as_superuser(ORDER);
    let seen = "poster.txt / the artwork";
    let nothing = "0 rows / 0 rows";
    for (persona, expected) in [
        (member(NORDUR, "client"), seen),
        (member(NORDUR, "rep"), seen),
        (member(NORDUR, "admin"), seen),
        (Persona::engine("orders", NORDUR, "connector"), seen),
        (Persona::second("orders", NORDUR, "client"), nothing),
        (Persona::second("orders", NORDUR, "rep"), nothing),
        (member(NORDUR, "ops"), nothing),    // not yet confirmed
        (member(NORDUR, "broker"), nothing), // nor shipped, and the field is hidden
        (member(BALTYK, "admin"), nothing),
        (member(BALTYK, "client"), nothing),
        (Persona::engine("orders", BALTYK, "connector"), nothing),
    ] {
        assert_eq!(reads(&db, &persona, &order, "artwork", &hash).await, expected, "{persona:?}");
    }
    let client = member(NORDUR, "client");
    assert_eq!(reads(&db, &client, &order, "proof", &hash).await, nothing, "another field");
    assert_eq!(reads(&db, &client, &order, "commission", &hash).await, nothing, "no file field");
    let other = db.value_as_superuser("select id from orders.\"order\" where title = 'mixed/quoted'");
    assert_eq!(reads(&db, &client, &other, "artwork", &hash).await, nothing, "another order, with the right address");
    assert_eq!(reads(&db, &client, &order, "artwork", &"00".repeat(32)).await, "poster.txt / 0 rows", "another file by now");
    let admin = db.as_persona(&member(NORDUR, "admin")).await;
    assert_eq!(
        ask(&admin, &format!("select name from orders_client.order_file('{order}', 'artwork')")).await,
        "0 rows",
        "another persona's function"
    );
    assert_eq!(ask(&admin, "select count(*) from statehouse.file").await, "42501");
    // Without the slice the second client reads it: nothing else stood in the way.
    db.psql_as_superuser("alter table orders.\"order\" disable row level security").ok();
    assert_eq!(reads(&db, &Persona::second("orders", NORDUR, "client"), &order, "artwork", &hash).await, seen);
    assert_eq!(reads(&db, &member(BALTYK, "admin"), &order, "artwork", &hash).await, nothing, "the files keep their tenant");
}

#[tokio::test]
async fn a_hidden_or_masked_file_is_not_there() {
    let db = world::fresh("file_hidden");
    let admin = db.as_persona(&member(NORDUR, "admin")).await;
    let hash = upload(&admin, "plan.txt", "not for the broker").await;
    let set = format!(
        "update orders_admin.\"order\" set artwork = decode('{hash}', 'hex'), proof = decode('{hash}', 'hex') where title = 'mixed/shipped'"
    );
    assert_eq!(ask(&admin, &set).await, "1 rows");
    let order = db.value_as_superuser("select id from orders.\"order\" where title = 'mixed/shipped'");
    let broker = member(NORDUR, "broker");
    assert_eq!(reads(&db, &broker, &order, "proof", &hash).await, "plan.txt / not for the broker");
    assert_eq!(reads(&db, &broker, &order, "artwork", &hash).await, "0 rows / 0 rows");
}

#[tokio::test]
async fn an_upload_is_its_owners() {
    let db = world::fresh("file_upload");
    let owner = db.as_persona(&member(NORDUR, "client")).await;
    let id = ask(&owner, "select statehouse.upload_begin('a.txt', 'text/plain', 10)").await;
    assert_eq!(ask(&owner, &format!("select at_offset from statehouse.upload_state('{id}')")).await, "0");
    let others = [
        Persona::second("orders", NORDUR, "client"),
        member(NORDUR, "admin"),
        member(BALTYK, "client"),
        Persona::engine("orders", NORDUR, "system"),
    ];
    let never = "00000000-0000-4000-8000-000000000000";
    let calls = ["state('{id}')", "append('{id}', 0, '0123456789')", "read('{id}', 0, 1)", "finish('{id}')", "abandon('{id}')"];
    for other in &others {
        let client = db.as_persona(other).await;
        for call in calls {
            for id in [&id, never] {
                let asked = format!("select statehouse.upload_{}", call.replace("{id}", id));
                assert_eq!(ask(&client, &asked).await, "S6101", "{other:?}: {asked}");
            }
        }
    }
    for login in ["statehouse_agent", "statehouse_read"] {
        let client = db.connect(login).await;
        assert_eq!(ask(&client, &format!("select statehouse.upload_read('{id}', 0, 1)")).await, "42501");
    }
    let nobody = db.connect("statehouse_api").await;
    assert_eq!(ask(&nobody, &format!("select statehouse.upload_read('{id}', 0, 1)")).await, "S2001");
    // A second of the same tenant is kept out by one line.
    db.psql_as_superuser(&patched("statehouse.my_upload(uuid)", "and o.actor = c.actor", "")).ok();
    let other = db.as_persona(&others[0]).await;
    assert_eq!(ask(&other, &format!("select statehouse.upload_append('{id}', 0, '0123456789')")).await, "10");
}

#[tokio::test]
async fn an_address_is_no_right() {
    let (db, hash) = attached("file_attach").await;
    let rep = db.as_persona(&member(NORDUR, "rep")).await;
    let bogus = "ab".repeat(32);
    for hash in [&hash, &bogus] {
        assert_eq!(attach_new(&rep, hash).await, "S6108", "{hash}");
        let made = format!(
            "insert into orders_rep.\"order\" (client, title, artwork) select id, 'theirs now', decode('{hash}', 'hex') from orders_rep.client limit 1"
        );
        assert_eq!(ask(&rep, &made).await, "S6108");
    }
    let ops = db.as_persona(&member(NORDUR, "ops")).await;
    let deliver = |hash: &str| {
        format!(
            "update orders_ops.\"order\" set fire = 'deliver', input = jsonb_build_object('proof', '{hash}') where title = 'print_only/out_for_delivery'"
        )
    };
    assert_eq!(ask(&ops, &deliver(&hash)).await, "S6108");
    assert_eq!(ask(&ops, &deliver("no such thing")).await, "22023");
    let bulk = format!(
        "select outcome || ' ' || coalesce(errcode, '') from orders_ops.order_bulk(array(select id from orders_ops.\"order\" where title = 'print_only/out_for_delivery'), 'deliver', jsonb_build_object('proof', '{hash}'))"
    );
    assert!(ask(&ops, &bulk).await.contains("S6108"), "{}", ask(&ops, &bulk).await);
    let abroad = db.as_persona(&member(BALTYK, "admin")).await;
    let set = format!("update orders_admin.\"order\" set artwork = decode('{hash}', 'hex') where title = 'baltyk/quoting'");
    assert_eq!(ask(&abroad, &set).await, "S6108");

    // What one uploaded oneself: for a day, and again after it was seen unchanged.
    let own = upload(&ops, "door.txt", "left at the door").await;
    assert_eq!(ask(&ops, &deliver(&format!("\\x{own}"))).await, "1 rows");
    let late = upload(&rep, "late.txt", "too late").await;
    set_clock(&db, "2026-11-21 12:00:01+00");
    let rep = db.as_persona(&member(NORDUR, "rep")).await;
    assert_eq!(attach_new(&rep, &late).await, "S6108");
    assert_eq!(
        ask(
            &rep,
            &format!("update orders_rep.\"order\" set artwork = decode('{hash}', 'hex'), note = 'as it was' where title = 'mixed/quoting'")
        )
        .await,
        "1 rows"
    );
    set_clock(&db, "2026-11-20 12:00:00+00");

    // Without the judgement whoever knows the address attaches the file, and reads it.
    db.psql_as_superuser("create or replace function statehouse.judge_file(entity text, field text, wanted bytea) returns void language plpgsql as $$ begin end $$").ok();
    assert_eq!(attach_new(&rep, &hash).await, "1 rows");
    assert_eq!(attach_new(&rep, &bogus).await, "23503");
    assert_eq!(ask(&abroad, &set).await, "23503", "the foreign key keeps the tenant");
}

async fn attach_new(rep: &Client, hash: &str) -> String {
    ask(rep, &format!("update orders_rep.\"order\" set artwork = decode('{hash}', 'hex') where title = 'mixed/inquiry'")).await
}

#[tokio::test]
async fn the_same_bytes_tell_nothing_of_others() {
    let (db, hash) = attached("file_same").await;
    let rep = db.as_persona(&Persona::second("orders", NORDUR, "rep")).await;
    assert_ne!(upload(&rep, "mine.txt", "the artwork").await, hash, "the name somebody else gave is part of the address");
    assert_eq!(upload(&rep, "poster.txt", "the artwork").await, hash, "kept once");
    assert_eq!(db.value_as_superuser("select count(*) || ' ' || (select count(*) from statehouse.file_chunk) from statehouse.file"), "2 2");
    assert_eq!(
        ask(
            &rep,
            "update orders_rep.\"order\" set artwork = decode('{hash}', 'hex') where title = 'theirs'".replace("{hash}", &hash).as_str()
        )
        .await,
        "1 rows"
    );
    let abroad = db.as_persona(&member(BALTYK, "rep")).await;
    assert_eq!(upload(&abroad, "poster.txt", "the artwork").await, hash);
    assert_eq!(db.value_as_superuser("select count(*) from statehouse.file"), "3", "nothing is shared between tenants");
}

#[tokio::test]
async fn a_part_fits_or_is_refused() {
    let db = world::fresh("file_parts");
    let client = db.as_persona(&member(NORDUR, "client")).await;
    let id = ask(&client, "select statehouse.upload_begin('big.bin', 'application/octet-stream', 700000)").await;
    let append = |at: i64, fill: &str, bytes: i64| {
        format!("select statehouse.upload_append('{id}', {at}, convert_to(repeat('{fill}', {bytes}), 'UTF8'))")
    };
    for (asked, answer) in [
        (append(0, "a", 0), "S6104"),
        (append(0, "a", 10), "S6104"),        // a small part that does not end the file
        (append(0, "a", 1_048_577), "S6104"), // more than a mebibyte
        (append(1, "a", 100_000), "S6102"),   // a gap
        (append(-1, "a", 100_000), "S6102"),
        (append(0, "a", 100_000), "100000"),
        (append(0, "a", 100_000), "100000"), // said again
        (append(0, "b", 100_000), "S6102"),  // said otherwise
        (append(50_000, "a", 100_000), "S6102"),
        (append(100_000, "b", 400_000), "500000"), // across chunks
        (append(300_000, "b", 200_000), "500000"),
        (append(500_000, "c", 200_001), "S6104"), // more than was announced
        (format!("select statehouse.upload_finish('{id}')"), "S6103"),
        (append(500_000, "c", 200_000), "700000"),
        (append(700_000, "c", 1), "S6104"),
    ] {
        assert_eq!(ask(&client, &asked).await, answer, "{asked}");
    }
    assert_eq!(
        db.value_as_superuser("select string_agg(octet_length(bytes)::text, ' ' order by n) from statehouse.file_chunk"),
        "262144 262144 175712"
    );
    // The address, worked out here from what its comment says.
    let told = format!("select encode(statehouse.upload_finish('{id}'), 'hex')");
    let hash = ask(&client, &told).await;
    let whole = "convert_to(repeat('a', 100000) || repeat('b', 400000) || repeat('c', 200000), 'UTF8')";
    let expected = format!(
        "select encode(sha256('statehouse file 1'::bytea || decode('00000000000aae60', 'hex') || decode('00000018', 'hex') || 'application/octet-stream'::bytea
           || decode('00000007', 'hex') || 'big.bin'::bytea || sha256(substring({whole} from 1 for 262144)) || sha256(substring({whole} from 262145 for 262144))
           || sha256(substring({whole} from 524289))), 'hex')"
    );
    assert_eq!(hash, db.value_as_superuser(&expected));
    assert_eq!(ask(&client, &told).await, hash, "finished twice");
    assert_eq!(ask(&client, &format!("select statehouse.upload_finish('{id}', sha256(''))")).await, "S6110");
    for name in ["", "..", "a/b", "a\\b", "a\u{202e}gpj.exe", "a\tb"] {
        assert_eq!(ask(&client, &format!("select statehouse.upload_begin('{name}', 'text/plain', 1)")).await, "S6105", "{name:?}");
    }
    for kind in ["text", "Text/Plain", "text/html; charset=x", "a/b\nc"] {
        assert_eq!(ask(&client, &format!("select statehouse.upload_begin('a', '{kind}', 1)")).await, "S6105", "{kind:?}");
    }
    assert_eq!(ask(&client, "select statehouse.upload_begin('a', 'text/plain', 0)").await, "S6105");
    assert_eq!(ask(&client, "select statehouse.upload_begin('a', 'text/plain', 536870913)").await, "S6106");
    let twenty = "select count(statehouse.upload_begin('a', 'text/plain', 1)) from generate_series(1, 20)";
    assert_eq!(ask(&client, twenty).await, "20", "a finished one takes no place");
    assert_eq!(ask(&client, "select statehouse.upload_begin('a', 'text/plain', 1)").await, "S6107");
    let one = db.value_as_superuser("select id from statehouse.upload where slot = 7");
    ask(&client, &format!("select statehouse.upload_abandon('{one}')")).await;
    assert_eq!(ask(&client, "select statehouse.upload_begin('a', 'text/plain', 1) is not null").await, "t");
    // And what the tenant may have.
    assert_eq!(db.value_as_superuser("select tenant || ' ' || bytes from statehouse.file_use"), "1 700020");
    let other = db.as_persona(&member(NORDUR, "rep")).await;
    db.psql_as_superuser("update statehouse.tenant_limit set uploads_open = 20").ok();
    assert_eq!(ask(&other, "select statehouse.upload_begin('a', 'text/plain', 1)").await, "S6506");
    db.psql_as_superuser("update statehouse.tenant_limit set uploads_open = 100, file_bytes = 700021").ok();
    assert_eq!(ask(&other, "select statehouse.upload_begin('a', 'text/plain', 2)").await, "S6506");
    assert_eq!(ask(&other, "select statehouse.upload_begin('a', 'text/plain', 1) is not null").await, "t");
}

/// Anything in the tables of files, by tenant.
fn kept(db: &TestDatabase) -> String {
    db.value_as_superuser(
        "select (select count(*) from statehouse.upload) || ' uploads ' || (select count(*) from statehouse.file) || ' files '
             || (select count(*) from statehouse.file_chunk) || ' chunks ' || (select count(*) from statehouse.file_loose) || ' loose'",
    )
}

#[tokio::test]
async fn what_nothing_holds_is_swept() {
    let (db, _) = attached("file_sweep").await;
    let client = db.as_persona(&member(NORDUR, "client")).await;
    upload(&client, "unused.txt", "never attached").await;
    ask(&client, "select statehouse.upload_append(statehouse.upload_begin('half.bin', 'text/plain', 200000), 0, convert_to(repeat('x', 100000), 'UTF8'))").await;
    let abroad = db.as_persona(&member(BALTYK, "admin")).await;
    upload(&abroad, "unused.txt", "never attached").await;
    let sweep = "select uploads || ' ' || files || ' ' || bytes from statehouse.sweep_files()";
    let worker = db.connect("statehouse_worker").await;
    assert_eq!(ask(&client, sweep).await, "42501");
    assert_eq!(ask(&worker, sweep).await, "0 0 0", "nothing is over yet");
    set_clock(&db, "2026-11-21 12:00:01+00");
    assert_eq!(ask(&worker, sweep).await, "4 2 100028");
    assert_eq!(kept(&db), "0 uploads 1 files 1 chunks 0 loose");
    // A file that leaves its field goes a day later, unless it has come back elsewhere.
    let client = db.as_persona(&member(NORDUR, "client")).await;
    let second = upload(&client, "second.txt", "better").await;
    assert_eq!(attach(&client, "client", &second).await, "1 rows");
    assert_eq!(
        ask(&client, &format!("update orders_client.\"order\" set artwork = decode('{second}', 'hex') where title = 'mixed/inquiry'"))
            .await,
        "1 rows"
    );
    assert_eq!(ask(&client, "update orders_client.\"order\" set artwork = null where title = 'mixed/quoting'").await, "1 rows");
    assert_eq!(kept(&db), "1 uploads 2 files 2 chunks 2 loose");
    assert_eq!(ask(&worker, sweep).await, "0 0 0");
    set_clock(&db, "2026-11-22 12:00:02+00");
    assert_eq!(ask(&worker, sweep).await, "1 1 11");
    assert_eq!(kept(&db), "0 uploads 1 files 1 chunks 0 loose");
    assert_eq!(
        db.value_as_superuser("select bytes from statehouse.file_use where tenant = 1"),
        db.value_as_superuser("select sum(size) from statehouse.file where tenant = 1")
    );
    // Were it not asked what holds a file, its foreign key would still keep it.
    db.psql_as_superuser(
        "create or replace function statehouse.file_held(wanted_tenant int, wanted bytea) returns boolean language sql as 'select false'",
    )
    .ok();
    let client = db.as_persona(&member(NORDUR, "client")).await;
    let third = upload(&client, "third.txt", "kept").await;
    assert_eq!(attach(&client, "client", &third).await, "1 rows");
    set_clock(&db, "2026-11-24 12:00:00+00");
    assert_eq!(ask(&worker, sweep).await, "23503");
}
