//! Members, keys, sessions, the tenant and its rules over HTTP.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use statehouse_http::Settings;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};

use crate::world::{Answer, World};

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

fn member(role: &str) -> Persona {
    Persona::member("orders", NORDUR, role)
}

/// With a key that is no persona's.
async fn by_key(world: &World, method: Method, path: &str, key: &str) -> Answer {
    let request = Request::builder().method(method).uri(world.url(path)).header("authorization", format!("Bearer {key}"));
    world.send(request.body(Body::empty()).expect("a request")).await
}

/// With a cookie, and the word that goes with it where there is one.
async fn by_cookie(world: &World, method: Method, path: &str, cookie: &str, csrf: Option<&str>, body: Option<&Value>) -> Answer {
    let mut request =
        Request::builder().method(method).uri(world.url(path)).header("cookie", cookie).header("content-type", "application/json");
    if let Some(csrf) = csrf {
        request = request.header("x-csrf-token", csrf);
    }
    world.send(request.body(body.map_or(Body::empty(), |value| Body::from(value.to_string()))).expect("a request")).await
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_administrator_invites_changes_and_dismisses() {
    let world = World::orders().await;
    let admin = member("admin");
    let who = json!({ "email": "Una@Nordur.example", "name": "Una", "role": "rep" });
    let made = world.call(POST, "/v1/members", Some(&admin), Some(&who)).await;
    assert_eq!((made.status, made.body["email"].as_str(), made.body["role"].as_str()), (201, Some("una@nordur.example"), Some("rep")));
    let path = made.header("location").to_owned();
    assert_eq!(path, format!("/v1/members/{}", made.body["id"].as_str().expect("an id")));
    assert_eq!(world.call(POST, "/v1/members", Some(&admin), Some(&who)).await.code(), "SH6507");

    let changed = world.call(PATCH, &path, Some(&admin), Some(&json!({ "role": "ops", "extra": ["order.reassign"] }))).await;
    assert_eq!((changed.status, &changed.body["role"], &changed.body["capabilities"]), (200, &json!("ops"), &json!(["order.reassign"])));
    let beyond = world.call(PATCH, &path, Some(&admin), Some(&json!({ "extra": ["tenant.erase"] }))).await;
    assert_eq!((beyond.status, beyond.code()), (403, "SH6501"));
    let unknown =
        world.call(POST, "/v1/members", Some(&admin), Some(&json!({ "email": "b@b.example", "name": "B", "role": "boss" }))).await;
    assert_eq!((unknown.status, unknown.code()), (422, "SH6508"));
    let assigned = json!({ "email": "b@b.example", "name": "B", "role": "rep", "tenant": 2 });
    assert_eq!(world.call(POST, "/v1/members", Some(&admin), Some(&assigned)).await.code(), "SH6002");
    let own = world.call(PATCH, &format!("/v1/members/{}", admin.id()), Some(&admin), Some(&json!({ "extra": [] }))).await;
    assert_eq!((own.status, own.code()), (403, "SH6502"));

    let mut found = Vec::new();
    let mut next = String::new();
    loop {
        let page = world.call(GET, &format!("/v1/members?limit=4{next}"), Some(&admin), None).await;
        found.extend(page.body["data"].as_array().expect("a list").iter().map(|one| one["id"].as_str().expect("an id").to_owned()));
        let Some(after) = page.body["next"].as_str() else { break };
        next = format!("&after={after}");
        assert!(found.len() < 100, "a list without end");
    }
    let here =
        world.db.value_as_superuser("select string_agg(member::text, ' ' order by member) from statehouse.membership where tenant = 1");
    assert_eq!(found.join(" "), here);
    assert_eq!(world.call(GET, "/v1/members?limit=0", Some(&admin), None).await.code(), "SH6010");

    assert_eq!(world.call(DELETE, &path, Some(&admin), None).await.status, 204);
    assert_eq!(world.call(DELETE, &path, Some(&admin), None).await.code(), "SH1002");
    let said = world.db.value_as_superuser("select string_agg(what, ' ' order by n) from statehouse.admin_event where tenant = 1");
    assert_eq!(said, "member_invited member_changed member_dismissed");
}

/// A member of another tenant, one who never was, and what is no id at all are answered alike.
#[tokio::test]
async fn who_is_not_there_and_who_is_elsewhere_are_answered_alike() {
    let world = World::orders().await;
    let admin = member("admin");
    let abroad = Persona::member("orders", BALTYK, "rep").id();
    for what in ["members", "keys"] {
        let mut said = Vec::new();
        let key = world.db.value_as_superuser(&format!("select id from statehouse.api_key where member = '{abroad}'"));
        let id = if what == "keys" { &key } else { &abroad };
        for id in [id.as_str(), "0194f1b2-0000-7000-8000-000000000001", "nobody"] {
            let answer = world.call(DELETE, &format!("/v1/{what}/{id}"), Some(&admin), None).await;
            let mut body = answer.body.clone();
            for own in ["instance", "request_id"] {
                body[own] = Value::Null;
            }
            said.push((answer.status, body));
        }
        assert_eq!(said[0].0, 404, "{said:?}");
        assert!(said.windows(2).all(|two| two[0] == two[1]), "{said:#?}");
    }
}

#[tokio::test]
async fn without_the_capability_a_body_is_not_even_read() {
    let world = World::orders().await;
    for (method, path) in [
        (GET, "/v1/members"),
        (POST, "/v1/members"),
        (PATCH, "/v1/members/nobody"),
        (DELETE, "/v1/members/nobody"),
        (PATCH, "/v1/tenant"),
        (GET, "/v1/rules/fx"),
        (POST, "/v1/rules/nothing"),
        (PATCH, "/v1/rules/fx/nothing"),
        (DELETE, "/v1/rules/fx/nothing"),
    ] {
        let answer = world.call(method.clone(), path, Some(&member("rep")), Some(&json!({ "junk": true }))).await;
        assert_eq!((answer.status, answer.code()), (403, "SH6505"), "{method} {path}");
        let answer = world.call(method.clone(), path, None, Some(&json!({ "junk": true }))).await;
        assert_eq!((answer.status, answer.code()), (401, "SH2001"), "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_is_told_once_works_and_ends_at_once() {
    let world = World::orders().await;
    let rep = member("rep");
    let made = world.call(POST, "/v1/keys", Some(&rep), Some(&json!({ "label": "scanner" }))).await;
    let key = made.body["key"].as_str().unwrap_or_default().to_owned();
    assert_eq!(made.status, 201, "{:?}", made.body);
    assert!(key.starts_with("sk_nordur_") && key.len() == "sk_nordur_".len() + 43, "{key}");
    assert_eq!(by_key(&world, GET, "/v1/me", &key).await.body["member"]["id"], rep.id());
    let listed = world.call(GET, "/v1/keys", Some(&rep), None).await;
    assert!(!String::from_utf8_lossy(&listed.bytes).contains(&key), "a list tells a key");
    assert_eq!(listed.body["data"].as_array().map(Vec::len), Some(2));
    assert!(!world.db.value_as_superuser("select k::text from statehouse.api_key k").contains(&key[10..]));
    let used = listed.body["data"].as_array().and_then(|all| all.iter().find(|one| one["label"] == "scanner")).expect("the key").clone();
    assert!(used["used_at"].as_str().is_some_and(|at| at.ends_with(":00:00+00:00")), "{used}");

    let path = made.header("location").to_owned();
    assert_eq!(world.call(DELETE, &path, Some(&member("ops")), None).await.status, 404);
    assert_eq!(by_key(&world, GET, "/v1/me", &key).await.status, 200);
    assert_eq!(world.call(DELETE, &path, Some(&member("admin")), None).await.status, 204);
    let ended = by_key(&world, GET, "/v1/me", &key).await;
    assert_eq!((ended.status, ended.code()), (401, "SH2003"));
    let past = world.call(POST, "/v1/keys", Some(&rep), Some(&json!({ "label": "x", "expires": "2020-01-01T00:00:00Z" }))).await;
    assert_eq!((past.status, past.code()), (422, "SH5011"));
    let unreadable = world.call(POST, "/v1/keys", Some(&rep), Some(&json!({ "label": "x", "expires": "soon" }))).await;
    assert_eq!((unreadable.status, unreadable.code()), (422, "SH5015"));
}

#[tokio::test]
async fn a_key_made_for_a_colleague_ends_with_the_colleague_and_not_with_its_maker() {
    let world = World::orders().await;
    let (maker, other, rep) = (member("admin"), Persona::second("orders", NORDUR, "admin"), member("rep"));
    let wanted = json!({ "label": "till", "member": rep.id() });
    let made = world.call(POST, "/v1/keys", Some(&maker), Some(&wanted)).await;
    assert_eq!((made.status, &made.body["member"]), (201, &json!(rep.id())), "{:?}", made.body);
    let key = made.body["key"].as_str().expect("a key").to_owned();
    let maker_noted = world.db.value_as_superuser("select made_by from statehouse.api_key where label = 'till'");
    assert_eq!(maker_noted, maker.id());

    assert_eq!(world.call(DELETE, &format!("/v1/members/{}", maker.id()), Some(&other), None).await.status, 204);
    let me = by_key(&world, GET, "/v1/me", &key).await;
    assert_eq!((me.status, &me.body["role"]), (200, &json!("rep")), "its maker is gone, its member is not");
    assert_eq!(world.call(DELETE, &format!("/v1/members/{}", rep.id()), Some(&other), None).await.status, 204);
    let over = by_key(&world, GET, "/v1/me", &key).await;
    assert_eq!((over.status, over.code()), (401, "SH2003"));
}

#[tokio::test]
async fn a_key_for_a_colleague_opens_no_more_than_its_maker_could_give() {
    let world = World::orders().await;
    let (admin, ops, rep) = (member("admin"), member("ops"), member("rep"));
    let manages = json!({ "extra": ["keys.manage"] });
    assert_eq!(world.call(PATCH, &format!("/v1/members/{}", ops.id()), Some(&admin), Some(&manages)).await.status, 200);
    let beyond = world.call(POST, "/v1/keys", Some(&ops), Some(&json!({ "label": "x", "member": admin.id() }))).await;
    assert_eq!((beyond.status, beyond.code()), (403, "SH6501"), "{:?}", beyond.body);
    let made = world.call(POST, "/v1/keys", Some(&ops), Some(&json!({ "label": "x", "member": rep.id() }))).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let own = world.call(POST, "/v1/keys", Some(&rep), Some(&json!({ "label": "own" }))).await;
    let (theirs, own) = (made.body["key"].as_str().expect("a key"), own.body["key"].as_str().expect("a key"));
    assert_eq!(by_key(&world, GET, "/v1/me", theirs).await.status, 200);
    // The colleague rises: who made the key does not rise with them.
    let risen = json!({ "extra": ["members.manage"] });
    assert_eq!(world.call(PATCH, &format!("/v1/members/{}", rep.id()), Some(&admin), Some(&risen)).await.status, 200);
    assert_eq!(by_key(&world, GET, "/v1/me", theirs).await.code(), "SH2003");
    assert_eq!(by_key(&world, GET, "/v1/me", own).await.status, 200, "one's own key stays");
}

#[tokio::test]
async fn a_key_ends_at_a_moment_or_not_at_all() {
    let world = World::orders().await;
    let rep = member("rep");
    for never in ["infinity", "-infinity", "tomorrow", "now", "epoch", "allballs", "2099-01-01", "2099-01-01 00:00", "Jan 1 2099 UTC"] {
        let refused = world.call(POST, "/v1/keys", Some(&rep), Some(&json!({ "label": "x", "expires": never }))).await;
        assert_eq!((refused.status, refused.code()), (422, "SH5015"), "{never}: {:?}", refused.body);
    }
    for later in ["2099-01-01T00:00:00Z", "2099-01-01T00:00:00.5+01:00"] {
        let made = world.call(POST, "/v1/keys", Some(&rep), Some(&json!({ "label": "x", "expires": later }))).await;
        assert_eq!(made.status, 201, "{later}: {:?}", made.body);
    }
}

#[tokio::test]
async fn a_key_opens_a_cookie_session_that_is_listed_and_ended() {
    let world = World::orders().await;
    let rep = member("rep");
    let refused = world.call(POST, "/v1/session", None, Some(&json!({ "api_key": "sk_nordur_no" }))).await;
    assert_eq!((refused.status, refused.code()), (401, "SH2003"));
    let opened = world.call(POST, "/v1/session", None, Some(&json!({ "api_key": rep.key }))).await;
    assert_eq!(opened.status, 201, "{:?}", opened.body);
    let (cookie, csrf) = (cookie(&opened), opened.body["csrf"].as_str().expect("a word").to_owned());
    assert!(opened.header("set-cookie").contains("HttpOnly") && opened.header("set-cookie").contains("SameSite=Lax"));
    let me = by_cookie(&world, GET, "/v1/session", &cookie, None, None).await;
    assert_eq!((me.status, &me.body["csrf"], &me.body["role"]), (200, &opened.body["csrf"], &json!("rep")));

    let all = by_cookie(&world, GET, "/v1/session/all", &cookie, None, None).await;
    let sessions = all.body["data"].as_array().expect("a list");
    let current: Vec<&Value> = sessions.iter().filter(|one| one["current"] == true).collect();
    assert_eq!((current.len(), &current[0]["opened_by"]), (1, &json!("key test")));
    let theirs = world.call(GET, "/v1/session/all", Some(&member("ops")), None).await.body["data"][0]["id"].clone();
    assert_eq!(by_cookie(&world, DELETE, &format!("/v1/session/{theirs}"), &cookie, Some(&csrf), None).await.code(), "SH1002");

    let unsigned = by_cookie(&world, DELETE, "/v1/session", &cookie, None, None).await;
    assert_eq!((unsigned.status, unsigned.code()), (403, "SH6606"));
    let left = by_cookie(&world, DELETE, "/v1/session", &cookie, Some(&csrf), None).await;
    assert_eq!(left.status, 204);
    assert!(left.header("set-cookie").contains("Max-Age=0"));
    let over = by_cookie(&world, GET, "/v1/me", &cookie, None, None).await;
    assert_eq!((over.status, over.code()), (401, "SH2002"));
}

/// A server that shows links, and a person of both tenants with an address.
async fn with_mail() -> World {
    let mut settings = Settings::default();
    settings.people.sign_in_secret = "0123456789abcdef0123456789abcdef".into();
    settings.people.sign_in_shown = true;
    let world = World::with(settings).await;
    let rep = member("rep").id();
    world
        .db
        .psql_as_superuser(&format!(
            "update statehouse.member set email = 'una@nordur.example' where member = '{rep}';
             insert into statehouse.membership (tenant, member, app, role) values (2, '{rep}', 'orders', 'ops')"
        ))
        .ok();
    world
}

async fn link_on_the_status_page(world: &World) -> String {
    let page = world.call(GET, "/", None, None).await;
    let text = String::from_utf8_lossy(&page.bytes).into_owned();
    let at = text.find("/sign-in/").expect("a link on the page");
    text[at..].split('"').next().unwrap_or_default().to_owned()
}

/// A site whose own name leads here would read the page as one of its own.
#[tokio::test]
async fn a_link_is_shown_to_who_came_by_our_name() {
    let world = with_mail().await;
    let ask = json!({ "email": "una@nordur.example" });
    assert_eq!(world.call(POST, "/v1/session/mail", None, Some(&ask)).await.status, 202);
    for (host, shown) in [(world.address.to_string().as_str(), true), ("localhost:80", true), ("there.example", false)] {
        let request = Request::builder().uri(world.url("/")).header("host", host);
        let page = world.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!((page.status, String::from_utf8_lossy(&page.bytes).contains("/sign-in/")), (200, shown), "{host}");
    }
}

async fn press(world: &World, link: &str, body: &str) -> Answer {
    let request = Request::builder().method(POST).uri(world.url(link)).header("content-type", "application/x-www-form-urlencoded");
    world.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test]
async fn a_link_signs_in_once_and_a_look_does_not_use_it_up() {
    let world = with_mail().await;
    let ask = json!({ "email": "Una@nordur.example" });
    let asked = world.call(POST, "/v1/session/mail", None, Some(&ask)).await;
    let nobody = world.call(POST, "/v1/session/mail", None, Some(&json!({ "email": "nobody@nowhere.example" }))).await;
    assert_eq!((asked.status, &asked.bytes), (202, &nobody.bytes));
    assert_eq!(nobody.status, 202);
    assert_eq!(world.db.value_as_superuser("select count(*) from statehouse.sign_in"), "2", "both leave a row");

    let link = link_on_the_status_page(&world).await;
    let token = link.trim_start_matches("/sign-in/");
    let kept = world.db.value_as_superuser("select string_agg(s::text, ' ') from statehouse.sign_in s");
    assert!(!kept.contains(token), "the token is kept");
    for _ in 0..3 {
        let look = world.call(GET, &link, None, None).await;
        assert_eq!(look.status, 200);
        assert!(String::from_utf8_lossy(&look.bytes).contains("<button>"));
        assert_eq!(look.header("referrer-policy"), "no-referrer");
    }
    let choose = press(&world, &link, "").await;
    assert_eq!(choose.status, 409);
    assert!(["nordur", "baltyk"].iter().all(|slug| String::from_utf8_lossy(&choose.bytes).contains(slug)));
    let from_elsewhere = Request::builder().method(POST).uri(world.url(&link)).header("sec-fetch-site", "cross-site");
    let from_elsewhere = world.send(from_elsewhere.body(Body::from("tenant=nordur")).expect("a request")).await;
    assert_eq!((from_elsewhere.status, from_elsewhere.code()), (403, "SH6307"));

    let entered = press(&world, &link, "tenant=nordur").await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"));
    let cookie = cookie(&entered);
    let me = by_cookie(&world, GET, "/v1/session", &cookie, None, None).await;
    assert_eq!((&me.body["tenant"]["slug"], &me.body["role"]), (&json!("nordur"), &json!("rep")));
    assert_eq!(me.body["memberships"].as_array().map(Vec::len), Some(2));
    assert_eq!(press(&world, &link, "tenant=nordur").await.status, 401, "twice");

    let csrf = me.body["csrf"].as_str();
    let gone = by_cookie(&world, POST, "/v1/session/tenant", &cookie, csrf, Some(&json!({ "tenant": "baltyk" }))).await;
    assert_eq!((gone.status, &gone.body["tenant"]["slug"], &gone.body["role"]), (201, &json!("baltyk"), &json!("ops")));
    let nowhere = by_cookie(&world, POST, "/v1/session/tenant", &cookie, csrf, Some(&json!({ "tenant": "nowhere" }))).await;
    assert_eq!((nowhere.status, nowhere.code()), (403, "SH2004"));
    let by_key = world.call(POST, "/v1/session/tenant", Some(&member("rep")), Some(&json!({ "tenant": "baltyk" }))).await;
    assert_eq!((by_key.status, by_key.code()), (403, "SH2006"));

    for _ in 0..10 {
        assert_eq!(world.call(POST, "/v1/session/mail", None, Some(&ask)).await.status, 202);
    }
    let rows = world.db.value_as_superuser("select count(*) from statehouse.sign_in where member is not null");
    assert_eq!(rows, "5", "an address is mailed five times in a quarter of an hour");
}

#[tokio::test]
async fn without_a_secret_nobody_signs_in_by_mail() {
    let world = World::orders().await;
    let asked = world.call(POST, "/v1/session/mail", None, Some(&json!({ "email": "a@b.example" }))).await;
    assert_eq!((asked.status, asked.code()), (503, "SH6504"));
    assert_eq!(press(&world, "/sign-in/nothing", "").await.status, 401);
    assert_eq!(press(&world, &format!("/sign-in/{}", "a".repeat(43)), "").await.status, 401);
}

#[tokio::test]
async fn the_tenant_tells_its_limits_to_those_who_manage_members() {
    let world = World::orders().await;
    let own = world.call(GET, "/v1/tenant", Some(&member("admin")), None).await;
    assert_eq!(
        (own.status, &own.body["slug"], &own.body["limits"]["members"], &own.body["usage"]["members"]),
        (200, &json!("nordur"), &json!(1000), &json!(10))
    );
    let plain = world.call(GET, "/v1/tenant", Some(&member("client")), None).await;
    assert_eq!(plain.body, json!({ "market": "IS", "name": "Nordur", "slug": "nordur" }));
    let renamed = world.call(PATCH, "/v1/tenant", Some(&member("admin")), Some(&json!({ "name": "Norður" }))).await;
    assert_eq!((renamed.status, &renamed.body["name"]), (200, &json!("Norður")));
    let slug = world.call(PATCH, "/v1/tenant", Some(&member("admin")), Some(&json!({ "name": "x", "slug": "other" }))).await;
    assert_eq!(slug.code(), "SH6002");
}

#[tokio::test]
async fn a_tenant_keeps_its_own_rates_and_their_history() {
    let world = World::orders().await;
    let admin = member("admin");
    let usd = |from: &str, rate: &str| json!({ "currency": "USD", "rate": rate, "valid_from": from, "source": "bank" });
    let made = world.call(POST, "/v1/rules/fx", Some(&admin), Some(&usd("2026-11-20", "137.123456789"))).await;
    assert_eq!(
        (made.status, &made.body["scope"], &made.body["row"]["rate"]),
        (201, &json!("tenant"), &json!("137.123456789")),
        "{:?}",
        made.body
    );
    let path = made.header("location").to_owned();
    let overlap = world.call(POST, "/v1/rules/fx", Some(&admin), Some(&usd("2026-12-01", "1"))).await;
    assert_eq!((overlap.status, overlap.code()), (409, "SH6511"));
    let past = world.call(POST, "/v1/rules/fx", Some(&admin), Some(&usd("2026-11-19", "1"))).await;
    assert_eq!((past.status, past.code()), (409, "SH6512"));
    let edited = world.call(PATCH, &path, Some(&admin), Some(&json!({ "rate": "1" }))).await;
    assert_eq!((edited.status, edited.code()), (400, "SH6002"));
    assert_eq!(world.call(DELETE, &path, Some(&admin), None).await.code(), "SH6512");
    let ended = world.call(PATCH, &path, Some(&admin), Some(&json!({ "valid_to": "2026-12-01" }))).await;
    assert_eq!((ended.status, &ended.body["id"], &ended.body["row"]["valid_to"]), (200, &made.body["id"], &json!("2026-12-01")));
    let next = world.call(POST, "/v1/rules/fx", Some(&admin), Some(&usd("2026-12-01", "138"))).await;
    assert_eq!((next.status, &next.body["holds"]), (201, &json!(false)));
    assert_eq!(world.call(POST, "/v1/rules/fx", Some(&admin), Some(&json!({ "tenant": 2 }))).await.code(), "SH6513");
    assert_eq!(world.call(POST, "/v1/rules/fx", Some(&admin), Some(&json!({ "currency": "USD" }))).await.code(), "SH6513");
    let priceless = json!({ "currency": "NOK", "valid_from": "2026-12-01", "source": "bank" });
    assert_eq!(world.call(POST, "/v1/rules/fx", Some(&admin), Some(&priceless)).await.code(), "SH5013");

    let scopes = |answer: &Answer| {
        let rows = answer.body["data"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["scope"].as_str().map(str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(scopes(&world.call(GET, "/v1/rules/fx", Some(&admin), None).await), "tenant tenant app");
    let abroad = Persona::member("orders", BALTYK, "admin");
    assert_eq!(scopes(&world.call(GET, "/v1/rules/fx", Some(&abroad), None).await), "app");
    assert_eq!(world.call(DELETE, &path, Some(&abroad), None).await.status, 404);
    assert_eq!(world.call(DELETE, next.header("location"), Some(&admin), None).await.status, 204);
    assert_eq!(world.call(GET, "/v1/rules/client", Some(&admin), None).await.status, 404);
}
