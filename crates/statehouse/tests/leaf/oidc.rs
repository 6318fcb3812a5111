//! Signing in at a stand-in issuer, by the real binary and its database.

use statehouse_testkit::people::{NORDUR, Persona};

use crate::issuer::{CLIENT, Issuer, SECRET, Wrong};
use crate::server::{Server, start};

fn settings(issuer: &str) -> [(&'static str, &str); 4] {
    [
        ("STATEHOUSE_OIDC__ISSUER", issuer),
        ("STATEHOUSE_OIDC__CLIENT_ID", CLIENT),
        ("STATEHOUSE_OIDC__CLIENT_SECRET", SECRET),
        ("STATEHOUSE_OIDC__TENANT", "nordur"),
    ]
}

/// A header of an answer, else nothing.
fn header<'a>(said: &'a str, name: &str) -> Vec<&'a str> {
    let head = said.split("\r\n\r\n").next().unwrap_or_default();
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

/// The whole way, to the answer that comes back from the callback.
fn sign_in(server: &Server, issuer: &Issuer, path: &str) -> String {
    let said = server.say(&format!("GET {path}"), "");
    assert!(said.starts_with("HTTP/1.1 303"), "{said}");
    let cookie = header(&said, "set-cookie")[0].split(';').next().expect("a pair").to_owned();
    let query = issuer.consent(header(&said, "location")[0]);
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    server.say(&format!("GET /sign-in/oidc/callback?{query}"), &format!("cookie: {cookie}\r\n"))
}

/// The status and the body; what differs from one answer to the next stands in headers.
fn told(said: &str) -> (&str, &str) {
    (said.lines().next().unwrap_or_default(), said.split_once("\r\n\r\n").unwrap_or_default().1)
}

#[test]
fn a_member_comes_in_and_nobody_else() {
    let issuer = Issuer::start();
    let server = Server::with(&settings(&issuer.url));
    // Nobody here has this address yet.
    let unknown = sign_in(&server, &issuer, "/sign-in/oidc");
    assert!(unknown.starts_with("HTTP/1.1 401"), "{unknown}");
    let member = Persona::member("orders", NORDUR, "rep").id();
    server.db.psql_as_superuser(&format!("update statehouse.member set email = 'Ann@Example.org' where member = '{member}'")).ok();

    let said = sign_in(&server, &issuer, "/sign-in/oidc");
    assert!(said.starts_with("HTTP/1.1 303") && header(&said, "location") == ["/"], "{said}");
    let session = header(&said, "set-cookie").into_iter().find(|cookie| cookie.starts_with("statehouse="));
    let session = session.unwrap_or_else(|| panic!("{said}")).split(';').next().expect("a pair");
    let me = server.say("GET /v1/me", &format!("cookie: {session}\r\n"));
    assert!(me.starts_with("HTTP/1.1 200") && me.contains(&member) && me.contains("\"rep\""), "{me}");

    let elsewhere = sign_in(&server, &issuer, "/sign-in/oidc?tenant=baltyk");
    let nowhere = sign_in(&server, &issuer, "/sign-in/oidc?tenant=nowhere");
    issuer.errs(Wrong::Unverified);
    let unverified = sign_in(&server, &issuer, "/sign-in/oidc");
    let nothing = server.say("GET /sign-in/oidc/callback", "");
    for refused in [&elsewhere, &nowhere, &unverified, &nothing] {
        assert_eq!(told(refused), told(&unknown));
        assert!(!refused.contains("statehouse=") && header(refused, "set-cookie").len() == 1, "{refused}");
    }
    let log = server.stop();
    assert!(log.contains("/sign-in/oidc/callback") && !log.contains("code-") && !log.contains(SECRET) && !log.contains("ann@"), "{log}");
}

#[test]
fn settings_by_which_nobody_could_sign_in_stop_it() {
    let (child, _db, _dir) = start(&[
        ("STATEHOUSE_OIDC__ISSUER", "http://id.example.org"),
        ("STATEHOUSE_OIDC__CLIENT_ID", "a"),
        ("STATEHOUSE_OIDC__CLIENT_SECRET", "b"),
    ]);
    let ended = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(64) && said.contains("SH0009") && said.contains("oidc.issuer"), "{said}");
}
