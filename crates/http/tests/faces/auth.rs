//! Keys, tokens and cookies over real connections.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::{Method, Request};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use statehouse_http::Settings;
use statehouse_http::settings::{Algorithm, Auth, Jwt, JwtKey};
use statehouse_testkit::people::{NORDUR, Persona};

use crate::world::{Answer, World};

const SECRET: &str = "a secret of at least thirty-two bytes";

fn trusting() -> Settings {
    let key = JwtKey { algorithm: Algorithm::HS256, secret: SECRET.into(), public_key: String::new() };
    let jwt = Jwt {
        issuer: "https://id.example".into(),
        audience: "statehouse".into(),
        email_claim: "email".into(),
        tenant_claim: "tenant".into(),
        keys: [("one".to_owned(), key)].into(),
    };
    Settings { auth: Auth { jwt: Some(jwt) }, ..Settings::default() }
}

fn token(email: &str, tenant: &str) -> String {
    let exp = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + 600;
    let claims = json!({ "iss": "https://id.example", "aud": "statehouse", "exp": exp, "email": email, "tenant": tenant });
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).expect("signed")
}

async fn bearing(world: &World, credential: &str, path: &str) -> Answer {
    let request = Request::get(world.url(path)).header("authorization", format!("Bearer {credential}"));
    world.send(request.body(Body::empty()).expect("a request")).await
}

fn name(world: &World, email: &str, who: &Persona) {
    let set = format!("update statehouse.member set email = '{email}' where member = '{}'", who.id());
    world.db.psql_as_superuser(&set).ok();
}

#[tokio::test]
async fn a_request_that_proves_nothing_is_refused() {
    let world = World::orders().await;
    let nobody = world.call(Method::GET, "/v1/order", None, None).await;
    assert_eq!((nobody.status, nobody.code()), (401, "SH2001"));
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(bearing(&world, "sk_nordur_unknown", "/v1/order").await.code(), "SH2003");
    for value in ["Basic a2V5", "Bearer", "Bearer ", "key"] {
        let request = Request::get(world.url("/v1/order")).header("authorization", value).body(Body::empty()).expect("a request");
        assert_eq!(world.send(request).await.code(), "SH2003", "{value}");
    }
    let twice = Request::get(world.url("/v1/order")).header("authorization", "Bearer a").header("authorization", "Bearer b");
    assert_eq!(world.send(twice.body(Body::empty()).expect("a request")).await.code(), "SH2003");
}

#[tokio::test]
async fn a_key_is_exchanged_once_and_again_when_its_session_ended() {
    let world = World::orders().await;
    let rep = Persona::member("orders", NORDUR, "rep");
    let sessions = || world.db.value_as_superuser("select count(*) from statehouse.session");
    for _ in 0..3 {
        assert_eq!(world.call(Method::GET, "/v1/order", Some(&rep), None).await.status, 200);
    }
    assert_eq!(sessions(), "1");
    world.db.psql_as_superuser("update statehouse.session set revoked_at = now()").ok();
    assert_eq!(world.call(Method::GET, "/v1/order", Some(&rep), None).await.status, 200, "the key still lives");
    assert_eq!(sessions(), "2");
    world.db.psql_as_superuser("update statehouse.api_key set revoked_at = now()").ok();
    let revoked = world.call(Method::GET, "/v1/order", Some(&rep), None).await;
    assert_eq!((revoked.status, revoked.code()), (401, "SH2003"), "revoking acts at the next request");
}

#[tokio::test]
async fn a_token_of_a_trusted_issuer_is_its_member() {
    let world = World::with(trusting()).await;
    name(&world, "ada@example.org", &Persona::member("orders", NORDUR, "rep"));
    assert_eq!(bearing(&world, &token("Ada@Example.org", "nordur"), "/v1/order").await.status, 200);
    let who = world.db.value_as_superuser("select tenant, role, kind from statehouse.session");
    assert_eq!(who, "1|rep|member");
    for (email, tenant) in [("ada@example.org", "baltyk"), ("eve@example.org", "nordur"), ("ada@example.org", "nowhere")] {
        let stranger = bearing(&world, &token(email, tenant), "/v1/order").await;
        assert_eq!((stranger.status, stranger.code()), (403, "SH2004"), "{email} of {tenant}");
    }
    let forged = format!("{}x", token("ada@example.org", "nordur"));
    assert_eq!(bearing(&world, &forged, "/v1/order").await.code(), "SH6601");
}

#[tokio::test]
async fn without_an_issuer_a_token_is_only_a_key_that_does_not_exist() {
    let world = World::orders().await;
    assert_eq!(bearing(&world, &token("ada@example.org", "nordur"), "/v1/order").await.code(), "SH2003");
}

#[tokio::test]
async fn only_the_server_opens_a_session_for_somebody() {
    let world = World::orders().await;
    name(&world, "ada@example.org", &Persona::member("orders", NORDUR, "rep"));
    let opening = "select count(*) from statehouse.open_session('ada@example.org', 'nordur', 'orders', interval '1 hour')";
    for login in ["statehouse_api", "statehouse_agent", "statehouse_worker", "statehouse_read"] {
        let said = world.db.psql(login, &format!("{opening};"));
        assert!(format!("{said:?}").contains("permission denied"), "{login}: {said:?}");
        let said = world.db.psql(login, "select statehouse.running_definition('orders');");
        // The worker runs from the definition too.
        let denied = login != "statehouse_worker";
        assert_eq!(format!("{said:?}").contains("permission denied"), denied, "{login}: {said:?}");
    }
    assert_eq!(world.db.value("statehouse_server", opening), "1");
    // And the server's own login sees nothing by it.
    let said = world.db.psql("statehouse_server", "select * from statehouse.session;");
    assert!(format!("{said:?}").contains("permission denied"), "{said:?}");
}

#[tokio::test]
async fn a_cookie_needs_its_word_for_what_changes_something() {
    let world = World::orders().await;
    let rep = Persona::member("orders", NORDUR, "rep");
    let token = world.db.value(rep.login, &rep.enter());
    let asked = |method: Method, csrf: Option<&str>, site: Option<&str>, body: Option<Value>| {
        let mut request =
            Request::builder().method(method).uri(world.url("/v1/client")).header("cookie", format!("a=b; statehouse={token}"));
        if let Some(csrf) = csrf {
            request = request.header("x-csrf-token", csrf);
        }
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        let body = body.map_or(Body::empty(), |body| Body::from(body.to_string()));
        world.send(request.header("content-type", "application/json").body(body).expect("a request"))
    };
    assert_eq!(asked(Method::GET, None, None, None).await.status, 200);
    let csrf = statehouse_http::csrf_of(&token);
    for (word, site) in [(None, None), (Some("wrong"), None), (Some(csrf.as_str()), Some("cross-site"))] {
        let refused = asked(Method::POST, word, site, Some(json!({}))).await;
        assert_eq!((refused.status, refused.code()), (403, "SH6606"), "{word:?} {site:?}");
    }
    let let_in = asked(Method::POST, Some(&csrf), Some("same-origin"), Some(json!({}))).await;
    assert!(!matches!(let_in.code(), "SH6606" | "SH2001" | "SH2002"), "{let_in:?}");
    world.db.psql_as_superuser("update statehouse.session set revoked_at = now()").ok();
    assert_eq!(asked(Method::GET, None, None, None).await.code(), "SH2002", "an ended session is not begun again");
}
