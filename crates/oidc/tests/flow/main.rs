//! Signing in at a stand-in issuer: the one way it is right, and each way it is wrong.

#![cfg(feature = "oidc")]

mod issuer;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use issuer::{CLIENT, Issuer, SECRET, Wrong};
use statehouse_oidc::{Asked, Door, HeaderMap, Known, Provider, routes};
use tower::ServiceExt;

/// Lets in Ann of nordur, and notes who was brought to it.
#[derive(Clone, Default)]
struct Members {
    brought: Arc<Mutex<Vec<(String, String)>>>,
    crowded: bool,
}

impl Door for Members {
    fn admit(&self, _: Option<IpAddr>) -> Result<(), Box<Response>> {
        if self.crowded { Err(Box::new(StatusCode::TOO_MANY_REQUESTS.into_response())) } else { Ok(()) }
    }

    fn open(&self, email: String, tenant: String) -> Asked<'_, Result<Option<HeaderMap>, Box<Response>>> {
        let is_member = email == "ann@example.org" && tenant == "nordur";
        self.brought.lock().expect("whole").push((email, tenant));
        Box::pin(async move {
            let session = HeaderMap::from_iter([(header::SET_COOKIE, "statehouse=session".parse().expect("a value"))]);
            Ok(is_member.then_some(session))
        })
    }
}

/// What a browser is told.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    status: u16,
    location: String,
    cookies: Vec<String>,
    body: String,
}

struct World {
    issuer: Issuer,
    members: Members,
    router: Router,
}

impl World {
    fn new() -> World {
        let (issuer, members) = (Issuer::start(), Members::default());
        let router = routes(provider(&issuer), members.clone(), "nordur".into());
        World { issuer, members, router }
    }

    async fn get(&self, path: &str, cookie: &str) -> Told {
        let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).expect("a request");
        let answer = self.router.clone().oneshot(request).await.expect("answered");
        let text = |name| answer.headers().get_all(name).iter().map(|value| value.to_str().expect("text").to_owned()).collect::<Vec<_>>();
        assert_eq!(text(header::CACHE_CONTROL), ["no-store"]);
        let (location, cookies) = (text(header::LOCATION).concat(), text(header::SET_COOKIE));
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        Told { status, location, cookies, body: String::from_utf8(body.to_vec()).expect("text") }
    }

    /// Leaves for the issuer; the cookie of the sign-in under way, and the query to come back with.
    async fn leave(&self, path: &str) -> (String, Vec<(String, String)>) {
        let told = self.get(path, "").await;
        assert_eq!(told.status, 303, "{told:?}");
        let cookie = told.cookies[0].split(';').next().expect("a pair").to_owned();
        (cookie, self.issuer.consent(&told.location))
    }

    async fn back(&self, cookie: &str, query: &[(String, String)]) -> Told {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        self.get(&format!("/sign-in/oidc/callback?{query}"), cookie).await
    }

    /// The whole way with a token that is wrong in one thing.
    async fn whole(&self, wrong: Wrong) -> Told {
        self.issuer.errs(wrong);
        let (cookie, query) = self.leave("/sign-in/oidc").await;
        self.back(&cookie, &query).await
    }

    fn brought(&self) -> Vec<(String, String)> {
        self.members.brought.lock().expect("whole").clone()
    }
}

fn known(issuer: &Issuer) -> Known {
    Known {
        issuer: issuer.url.clone(),
        client_id: CLIENT.into(),
        client_secret: SECRET.into(),
        redirect_url: "http://127.0.0.1:8321/sign-in/oidc/callback".into(),
    }
}

fn provider(issuer: &Issuer) -> Provider {
    Provider::new(known(issuer)).expect("sound")
}

/// What everybody who is refused is told, to the byte: here, somebody who brings nothing.
async fn refusal(world: &World) -> Told {
    let told = world.get("/sign-in/oidc/callback", "").await;
    assert_eq!(told.status, 401);
    assert_eq!(told.cookies, ["statehouse_sign_in=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"]);
    told
}

#[tokio::test]
async fn whom_the_issuer_has_verified_comes_in() {
    let world = World::new();
    for right in [Wrong::Nothing, Wrong::NothingByRsa] {
        let told = world.whole(right).await;
        assert_eq!((told.status, told.location.as_str()), (303, "/"), "{right:?}: {told:?}");
        assert!(told.cookies.contains(&"statehouse=session".to_owned()), "{told:?}");
        assert!(told.cookies.iter().any(|cookie| cookie.starts_with("statehouse_sign_in=;")), "{told:?}");
    }
    assert_eq!(world.brought(), vec![("ann@example.org".to_owned(), "nordur".to_owned()); 2]);
}

#[tokio::test]
async fn a_token_that_is_wrong_in_one_thing_is_refused() {
    let world = World::new();
    let refusal = refusal(&world).await;
    let all = [
        Wrong::Nonce,
        Wrong::NoNonce,
        Wrong::Audience,
        Wrong::SecondAudience,
        Wrong::Issuer,
        Wrong::Expired,
        Wrong::AlgNone,
        Wrong::SharedSecret,
        Wrong::PublicKey,
        Wrong::Changed,
        Wrong::UnknownKey,
        Wrong::Unverified,
        Wrong::VerifiedNotSaid,
        Wrong::NoEmail,
        Wrong::NoToken,
    ];
    for wrong in all {
        assert_eq!(world.whole(wrong).await, refusal, "{wrong:?}");
    }
    assert_eq!(world.issuer.redeemed(), all.len(), "each was refused for its token");
    assert_eq!(world.brought(), [], "nobody was brought to the door");
    assert_eq!(world.whole(Wrong::Nothing).await.status, 303, "and all else was in order");
}

#[tokio::test]
async fn what_was_not_begun_by_this_browser_is_refused_before_the_issuer_is_asked() {
    let world = World::new();
    let refusal = refusal(&world).await;
    let (cookie, query) = world.leave("/sign-in/oidc").await;
    let (other_cookie, _) = world.leave("/sign-in/oidc").await;
    let with = |name: &str, value: &str| {
        query.iter().map(|(key, old)| (key.clone(), if key == name { value.into() } else { old.clone() })).collect::<Vec<_>>()
    };
    for (cookie, query) in [
        (cookie.as_str(), with("state", "another")),
        (cookie.as_str(), with("state", "")),
        (other_cookie.as_str(), query.clone()),
        ("", query.clone()),
        (&cookie[..cookie.len() - 3], query.clone()),
        (cookie.as_str(), [query.clone(), query.clone()].concat()),
    ] {
        assert_eq!(world.back(cookie, &query).await, refusal, "{cookie} {query:?}");
    }
    assert_eq!(world.issuer.redeemed(), 0);
    assert_eq!(world.back(&cookie, &query).await.status, 303, "and the sign-in itself was sound");
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let world = World::new();
    let (cookie, mut query) = world.leave("/sign-in/oidc").await;
    query[2].1 = "https://another.example".into();
    assert_eq!(world.back(&cookie, &query).await, refusal(&world).await);
    assert_eq!(world.issuer.redeemed(), 0);
}

#[tokio::test]
async fn a_code_works_once() {
    let world = World::new();
    let (cookie, query) = world.leave("/sign-in/oidc").await;
    assert_eq!(world.back(&cookie, &query).await.status, 303);
    assert_eq!(world.back(&cookie, &query).await, refusal(&world).await, "the same sign-in again");
    // A process that has not seen the first is refused by the issuer.
    let other = World { router: routes(provider(&world.issuer), world.members.clone(), "nordur".into()), ..World::new() };
    assert_eq!(other.back(&cookie, &query).await, refusal(&world).await);
    // A code that was stolen is of no use in a sign-in of one's own: it is bound to the other's challenge.
    let (_, theirs) = world.leave("/sign-in/oidc").await;
    let (cookie, mut mine) = world.leave("/sign-in/oidc").await;
    mine[0].1.clone_from(&theirs[0].1);
    assert_eq!(world.back(&cookie, &mine).await, refusal(&world).await);
    assert_eq!(world.issuer.redeemed(), 1);
}

#[tokio::test]
async fn somebody_unknown_is_told_what_everybody_is() {
    let world = World::new();
    let refusal = refusal(&world).await;
    let (cookie, query) = world.leave("/sign-in/oidc?tenant=sudur").await;
    assert_eq!(world.back(&cookie, &query).await, refusal);
    assert_eq!(world.brought(), [("ann@example.org".to_owned(), "sudur".to_owned())]);
}

#[tokio::test]
async fn an_issuer_that_is_not_there_is_said_and_no_tenant_asked_back() {
    let issuer = Issuer::start();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let nowhere = Provider::new(Known { issuer: format!("http://{gone}"), ..known(&issuer) }).expect("sound");
    let world = World { router: routes(nowhere, Members::default(), String::new()), issuer, members: Members::default() };
    assert_eq!(world.get("/sign-in/oidc?tenant=nordur", "").await.status, 503);
    assert_eq!(world.get("/sign-in/oidc", "").await.status, 400);
}

#[tokio::test]
async fn who_tries_too_often_is_told_to_wait_before_anything_else() {
    let issuer = Issuer::start();
    let router: Router = routes(provider(&issuer), Members { crowded: true, ..Members::default() }, "nordur".into());
    for path in ["/sign-in/oidc", "/sign-in/oidc/callback"] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        assert_eq!(router.clone().oneshot(request).await.expect("answered").status(), 429, "{path}");
    }
}

#[test]
fn settings_by_which_nobody_could_sign_in_safely_are_refused() {
    let issuer = Issuer::start();
    let refused = |change: fn(&mut Known)| {
        let mut known = known(&issuer);
        change(&mut known);
        Provider::new(known).expect_err("refused").to_string()
    };
    assert!(refused(|known| known.issuer = "http://id.example.org".into()).contains("oidc.issuer"));
    assert!(refused(|known| known.redirect_url = "http://api.example.org/x".into()).contains("oidc.redirect_url"));
    assert!(refused(|known| known.client_id.clear()).contains("oidc.client_id"));
    assert!(refused(|known| known.client_secret = "".into()).contains("oidc.client_secret"));
    assert!(!format!("{:?}", known(&issuer)).contains(SECRET));
}
