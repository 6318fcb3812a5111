//! Links: made by members, followed by programs and by people in a browser.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use statehouse_http::Settings;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona};
use statehouse_testkit::{Cluster, orders};

use super::world::{Answer, World};

const QUOTED: &str = "mixed/quoted";

async fn world() -> World {
    let cluster = Cluster::shared();
    let db = cluster.database_from(&orders::in_every_state(cluster), "links");
    World::over(db, Settings::default()).await
}

fn rep() -> Persona {
    Persona::member("orders", NORDUR, "rep")
}

impl World {
    fn order(&self, title: &str) -> String {
        self.db.value_as_superuser(&format!("select id from orders.\"order\" where title = '{title}'"))
    }

    fn state(&self, title: &str) -> String {
        self.db.value_as_superuser(&format!("select state from orders.\"order\" where title = '{title}'"))
    }

    async fn link(&self, purpose: &str, title: &str) -> Answer {
        let body = json!({ "purpose": purpose, "record": self.order(title) });
        self.call(Method::POST, "/v1/links", Some(&rep()), Some(&body)).await
    }

    async fn token(&self, purpose: &str, title: &str) -> String {
        self.link(purpose, title).await.body["token"].as_str().expect("a token").to_owned()
    }

    async fn page(&self, path: &str, language: &str) -> Answer {
        self.send(Request::get(self.url(path)).header("accept-language", language).body(Body::empty()).expect("a request")).await
    }

    async fn press(&self, path: &str, cookie: &str, fields: &[(&str, &str)], site: Option<&str>) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request =
            Request::post(self.url(path)).header("content-type", "application/x-www-form-urlencoded").header("cookie", cookie);
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.bytes.clone()).expect("a page is text")
}

/// The value of the first hidden field of this name in the form that has the button `verb`.
fn hidden(page: &str, verb: &str, name: &str) -> String {
    let form = page.split("<form").find(|form| form.contains(&format!("name=\"verb\" value=\"{verb}\""))).expect("the form of the verb");
    let from = form.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field");
    from.split('"').next().expect("its value").to_owned()
}

fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_member_makes_reads_and_ends_a_link() {
    let world = world().await;
    let made = world.link("accept_quote", QUOTED).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (id, token) = (made.body["id"].as_str().expect("an id"), made.body["token"].as_str().expect("a token"));
    assert_eq!(made.header("location"), format!("/v1/links/{id}"));
    assert_eq!(made.header("cache-control"), "no-store");
    assert_eq!(made.body["url"], world.url(&format!("/l/{token}")));
    assert_eq!(made.body["expires_at"], "2026-12-04T12:00:00Z");
    let path = format!("/v1/links/{id}");
    let read = world.call(Method::GET, &path, Some(&rep()), None).await;
    assert_eq!((read.status, &read.body["purpose"], &read.body["used"]), (200, &json!("accept_quote"), &json!(0)));
    assert!(!String::from_utf8_lossy(&read.bytes).contains(token), "the token is shown once");
    // Who may not make it, or does not see the order, is told what is told of a link that is not there.
    let nobody = world.call(Method::GET, "/v1/links/00000000-0000-7000-8000-000000000000", Some(&rep()), None).await;
    for who in
        [Persona::member("orders", NORDUR, "client"), Persona::second("orders", NORDUR, "rep"), Persona::member("orders", BALTYK, "admin")]
    {
        for method in [Method::GET, Method::DELETE] {
            let answer = world.call(method, &path, Some(&who), None).await;
            assert_eq!((answer.status, answer.code(), &answer.body["detail"]), (404, "SH1002", &nobody.body["detail"]), "{who:?}");
        }
    }
    assert_eq!(world.call(Method::DELETE, &path, Some(&rep()), None).await.status, 204);
    assert_eq!(world.page(&format!("/l/{token}"), "en").await.status, 403);
}

/// The token of a link moves its one record, and what happened before the quote tells no amount.
#[tokio::test]
async fn a_link_ends_when_its_maker_is_dismissed() {
    let world = world().await;
    let (mine, other) = (world.token("track", QUOTED).await, Persona::member("orders", NORDUR, "admin"));
    let theirs = json!({ "purpose": "track", "record": world.order(QUOTED) });
    let theirs =
        world.call(Method::POST, "/v1/links", Some(&other), Some(&theirs)).await.body["token"].as_str().expect("a token").to_owned();
    let entered = world.call(Method::POST, "/v1/links/enter", None, Some(&json!({ "token": mine }))).await;
    let cookie = cookie(&entered);
    let look = || Request::get(world.url("/v1/order")).header("cookie", cookie.clone()).body(Body::empty()).expect("a request");
    assert_eq!((entered.status, world.send(look()).await.status), (200, 200));

    let dismissed = world.call(Method::DELETE, &format!("/v1/members/{}", rep().id()), Some(&other), None).await;
    assert_eq!(dismissed.status, 204, "{dismissed:?}");
    let over = world.call(Method::POST, "/v1/links/enter", None, Some(&json!({ "token": mine }))).await;
    assert_eq!((over.status, over.code()), (403, "SH6301"));
    assert_eq!(world.send(look()).await.status, 401, "what was opened with it has ended too");
    assert_eq!(world.call(Method::POST, "/v1/links/enter", None, Some(&json!({ "token": theirs }))).await.status, 200);
}

#[tokio::test]
async fn a_token_opens_what_its_role_sees_and_no_more() {
    let world = world().await;
    let (token, order) = (world.token("accept_quote", QUOTED).await, world.order(QUOTED));
    let ask = |method: Method, path: &str, body: String| {
        let request = Request::builder().method(method).uri(world.url(path)).header("authorization", format!("Bearer {token}"));
        world.send(request.header("content-type", "application/json").body(Body::from(body)).expect("a request"))
    };
    let many = json!({ "verb": "accept", "items": [{ "id": order }] }).to_string();
    let refused = ask(Method::POST, "/v1/order/bulk", many).await;
    assert_eq!((refused.status, refused.code()), (403, "SH2006"), "{refused:?}");
    assert_eq!(world.state(QUOTED), "quoted");

    let file = json!({ "name": "a.txt", "media_type": "text/plain", "size": 536_870_912 }).to_string();
    let refused = ask(Method::POST, "/v1/uploads", file).await;
    assert_eq!((refused.status, refused.code()), (403, "SH2006"), "{refused:?}");

    let told = ask(Method::GET, &format!("/v1/order/{order}/history"), String::new()).await;
    let before = told.body["data"].as_array().expect("events").iter().filter(|event| event["to_state"] != "quoted");
    let payloads: Vec<String> = before.map(|event| event["payload"].to_string()).collect();
    assert!(payloads.iter().any(|payload| payload.contains("\"quantity\"")), "{payloads:?}");
    for amount in ["net", "gross", "vat", "subtotal", "discount", "unit_price"] {
        assert!(!payloads.iter().any(|payload| payload.contains(&format!("\"{amount}\""))), "`{amount}` in {payloads:?}");
    }
}

/// What is no text is answered in our own form, whatever would have been looked for.
#[tokio::test]
async fn a_path_that_is_no_text() {
    let world = world().await;
    let paths =
        ["/v1/links/%ff", "/l/%ff", "/f/%ff/inquiry_form", "/v1/subscriptions/%ff", "/v1/uploads/%ff", "/v1/order/%ff/files/artwork"];
    for path in paths {
        let answer = world.call(Method::GET, path, Some(&rep()), None).await;
        assert_eq!((answer.status, answer.code()), (404, "SH6006"), "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn links_that_may_not_be_made() {
    let world = world().await;
    let ask = |who: Persona, body: serde_json::Value| {
        let world = &world;
        async move {
            let answer = world.call(Method::POST, "/v1/links", Some(&who), Some(&body)).await;
            format!("{} {}", answer.status, answer.code())
        }
    };
    let quoted = world.order(QUOTED);
    assert_eq!(ask(rep(), json!({ "purpose": "accept_quote", "record": world.order("theirs") })).await, "404 SH1002");
    assert_eq!(ask(rep(), json!({ "purpose": "accept_quote", "record": "ORD-999999" })).await, "404 SH1002");
    assert_eq!(ask(rep(), json!({ "purpose": "accept", "record": quoted })).await, "422 SH6302");
    assert_eq!(ask(rep(), json!({ "purpose": "accept_quote", "record": quoted, "uses": 0 })).await, "422 SH6302");
    assert_eq!(ask(rep(), json!({ "purpose": "accept_quote", "record": quoted, "role": "admin" })).await, "400 SH6002");
    assert_eq!(
        ask(Persona::member("orders", NORDUR, "client"), json!({ "purpose": "accept_quote", "record": quoted })).await,
        "403 SH6303"
    );
    let reference = world.db.value_as_superuser(&format!("select reference from orders.\"order\" where id = '{quoted}'"));
    assert_eq!(ask(rep(), json!({ "purpose": "accept_quote", "record": reference, "uses": 1, "lasts_s": 3600 })).await, "201 ");
}

#[tokio::test]
async fn the_page_shows_and_a_button_moves() {
    let world = world().await;
    let path = format!("/l/{}", world.token("accept_quote", QUOTED).await);
    let shown = world.page(&path, "pl-PL,en;q=0.5").await;
    let html = text(&shown);
    assert_eq!(shown.status, 200, "{html}");
    for expected in
        ["<html lang=\"pl\" dir=\"ltr\">", "Twoja oferta", "Nordur", "Oferta wysłana", "Brake discs", "Przyjmij", "Odrzuć", "ISK"]
    {
        assert!(html.contains(expected), "no `{expected}` in {html}");
    }
    for hidden in ["ommission", "Cost", "<script", "http://", "https://"] {
        assert!(!html.contains(hidden), "`{hidden}` in {html}");
    }
    assert_eq!((shown.header("referrer-policy"), shown.header("cache-control")), ("no-referrer", "no-store"));
    assert!(shown.header("content-security-policy").contains("default-src 'none'"));
    assert!(shown.header("set-cookie").contains("HttpOnly; SameSite=Strict"));
    // Scanners of mail fetch what they find; nothing has moved, however often.
    for _ in 0..3 {
        world.page(&path, "en").await;
    }
    assert_eq!(world.state(QUOTED), "quoted");
    let (mark, version, key) = (hidden(&html, "accept", "mark"), hidden(&html, "accept", "version"), hidden(&html, "accept", "key"));
    let fields = [("verb", "accept"), ("version", version.as_str()), ("key", key.as_str()), ("mark", mark.as_str())];
    // Not from the page: no cookie, another browser's, another mark, another site.
    for (cookie, mark, site) in [
        (String::new(), mark.as_str(), None),
        (cookie(&world.page(&path, "en").await), mark.as_str(), None),
        (cookie(&shown), "0", None),
        (cookie(&shown), mark.as_str(), Some("cross-site")),
        (cookie(&shown), mark.as_str(), Some("same-site")),
    ] {
        let answer = world.press(&path, &cookie, &[("verb", "accept"), ("version", &version), ("mark", mark)], site).await;
        assert_eq!(answer.status, 403);
        assert!(text(&answer).contains("SH6307"), "{}", text(&answer));
    }
    assert_eq!(world.state(QUOTED), "quoted");
    let pressed = world.press(&path, &cookie(&shown), &fields, Some("same-origin")).await;
    assert_eq!(pressed.status, 200, "{}", text(&pressed));
    assert!(text(&pressed).contains("Done: Accept"), "{}", text(&pressed));
    assert_eq!(world.state(QUOTED), "accepted");
    // The same press again is answered as it was; another one finds the page too old.
    assert_eq!(world.press(&path, &cookie(&shown), &fields, None).await.status, 200);
    let stale =
        world.press(&path, &cookie(&shown), &[("verb", "decline"), ("version", &version), ("key", "other"), ("mark", &mark)], None).await;
    assert_eq!(stale.status, 409, "{}", text(&stale));
    let events = world
        .db
        .value_as_superuser(&format!("select count(*) from statehouse.event where record = '{}' and kind = 'link'", world.order(QUOTED)));
    assert_eq!(events, "1");
    assert!(!text(&world.page(&path, "en").await).contains("<button"), "nothing is open any more");
}

#[tokio::test]
async fn a_page_says_why_a_quote_cannot_be_accepted() {
    let world = world().await;
    let path = format!("/l/{}", world.token("accept_quote", QUOTED).await);
    // By then the quote has run out; the link was made to hold longer than it.
    world.db.psql_as_superuser("update statehouse.link set expires = '2027-01-01'").ok();
    statehouse_testkit::app::set_clock(&world.db, "2026-12-20 12:00:00+00");
    let html = text(&world.page(&path, "is").await);
    assert!(html.contains("Tilboðið er útrunnið; biddu um nýtt"), "{html}");
    assert!(!html.contains("name=\"verb\" value=\"accept\""), "{html}");
}

#[tokio::test]
async fn what_a_record_says_is_no_html() {
    let world = world().await;
    let admin = Persona::member("orders", NORDUR, "admin");
    let edit = format!(
        "update orders_admin.\"order\" set ship_to = '<script>alert(1)</script>\" onload=\"x' where id = '{}'",
        world.order(QUOTED)
    );
    world.db.psql_as(&admin, &edit).ok();
    let html = text(&world.page(&format!("/l/{}", world.token("track", QUOTED).await), "en").await);
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot; onload=&quot;x"), "{html}");
    assert!(!html.contains("<script"));
    assert!(!html.contains("<button"), "a link to look has no button");
}

#[tokio::test]
async fn a_program_follows_a_link() {
    let world = world().await;
    let token = world.token("accept_quote", QUOTED).await;
    let order = world.order(QUOTED);
    let bearer = |method: Method, path: String| {
        let request = Request::builder().method(method).uri(world.url(&path)).header("authorization", format!("Bearer {token}"));
        request.body(Body::empty()).expect("a request")
    };
    let seen = world.send(bearer(Method::GET, "/v1/order".into())).await;
    assert_eq!((seen.status, seen.body["data"].as_array().map(Vec::len)), (200, Some(1)), "{seen:?}");
    assert_eq!(seen.body["data"][0]["id"], order.as_str());
    assert!(seen.body["data"][0].get("commission").is_none());
    for (path, answer) in [
        (format!("/v1/order/{}", world.order("theirs")), "404 SH1002"),
        ("/v1/client".into(), "404 SH1003"),
        ("/v1/request".into(), "404 SH1003"),
    ] {
        let refused = world.send(bearer(Method::GET, path.clone())).await;
        assert_eq!(format!("{} {}", refused.status, refused.code()), answer, "{path}");
    }
    let fire = world.send(bearer(Method::POST, format!("/v1/order/{order}/transitions/cancel"))).await;
    assert_eq!((fire.status, fire.code()), (403, "SH4003"), "{fire:?}");
    // By cookie, with the word that goes with it.
    let entered = world.call(Method::POST, "/v1/links/enter", None, Some(&json!({ "token": token }))).await;
    assert_eq!(
        (entered.status, &entered.body["record"], &entered.body["verbs"]),
        (200, &json!(order), &json!(["accept", "decline"])),
        "{entered:?}"
    );
    let path = format!("/v1/order/{order}/transitions/accept");
    let by_cookie = |csrf: Option<&str>| {
        let mut request = Request::post(world.url(&path)).header("cookie", cookie(&entered));
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        request.body(Body::empty()).expect("a request")
    };
    assert_eq!(world.send(by_cookie(None)).await.code(), "SH6606");
    let moved = world.send(by_cookie(entered.body["csrf"].as_str())).await;
    assert_eq!((moved.status, &moved.body["state"]), (200, &json!("accepted")), "{moved:?}");
}

#[tokio::test]
async fn links_that_ended_are_answered_alike() {
    let world = world().await;
    let token = world.token("accept_quote", QUOTED).await;
    world.db.psql_as_superuser("update statehouse.link set revoked_at = now()").ok();
    let mut answers = Vec::new();
    for token in [token.as_str(), "lk_0", "x", ""] {
        let answer = world.call(Method::POST, "/v1/links/enter", None, Some(&json!({ "token": token }))).await;
        let mut body = answer.body;
        body["request_id"] = json!("");
        answers.push((answer.status, body));
    }
    assert_eq!(answers[0].0, 403);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    let page = world.page(&format!("/l/{token}"), "is").await;
    assert_eq!(page.status, 403);
    assert!(text(&page).contains("Þessi tengill gildir ekki lengur"), "{}", text(&page));
    assert_eq!(page.header("referrer-policy"), "no-referrer");
}
