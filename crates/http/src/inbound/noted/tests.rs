use std::path::Path;

use axum::http::{HeaderMap, HeaderName};
use bytes::Bytes;
use serde_json::{Value, json};
use statehouse_connect::verify;
use statehouse_definition::App;

use super::{Came, Noted};

fn app() -> App {
    let loaded = statehouse_definition::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps/post"));
    loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings))
}

fn noted(source: &str, headers: &[(&'static str, &str)], query: &str, body: &str) -> (Value, Vec<Noted>) {
    let app = app();
    let inbox = &app.inboxes[source];
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), value.parse().expect("a header"));
    }
    let body = Bytes::copy_from_slice(body.as_bytes());
    let scheme = verify::scheme(&inbox.scheme).expect("a scheme");
    let came = Came { inbox, scheme, headers: &map, query, body: &body };
    let headers = Value::Object(came.headers());
    let notes = came.notes(&headers);
    (headers, notes)
}

fn one(source: &str, headers: &[(&'static str, &str)], body: &str) -> Noted {
    let (_, mut notes) = noted(source, headers, "", body);
    assert_eq!(notes.len(), 1, "{notes:?}");
    notes.remove(0)
}

#[test]
fn what_can_be_read_is_noted() {
    let (headers, notes) = noted("hub", &[("x-github-delivery", "d-1"), ("x-github-event", "arrived"), ("x-other", "x")], "", "{}");
    assert_eq!(headers, json!({ "x-github-delivery": "d-1", "x-github-event": "arrived" }));
    let expected = Noted { key: "d-1".into(), kind: Some("arrived".into()), account: None, body: Bytes::from_static(b"{}"), item: None };
    assert_eq!(notes, [expected]);
    let account = one("standard", &[("webhook-id", "m")], r#"{"type":"t","account":17}"#).account;
    assert_eq!(account.as_deref(), Some("17"));
}

/// SHA-256 of nothing, FIPS 180-4.
const OF_NOTHING: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn what_cannot_be_read_is_noted_without_a_type() {
    assert_eq!(one("hub", &[("x-github-delivery", "d-1"), ("x-github-event", "arrived")], "").key, OF_NOTHING);
    let long = "d".repeat(501);
    let cases: [(&[(&'static str, &str)], &str); 6] = [
        (&[("x-github-event", "arrived")], "{}"),
        (&[("x-github-delivery", ""), ("x-github-event", "arrived")], "{}"),
        (&[("x-github-delivery", "d-1"), ("x-github-delivery", "d-2"), ("x-github-event", "arrived")], "{}"),
        (&[("x-github-delivery", &long), ("x-github-event", "arrived")], "{}"),
        (&[("x-github-delivery", "d-1"), ("x-github-event", "arrived")], "no json"),
        (&[("x-github-delivery", "d-1"), ("x-github-event", "arrived"), ("content-type", "multipart/form-data; boundary=x")], "{}"),
    ];
    for (headers, body) in cases {
        let noted = one("hub", headers, body);
        assert!(noted.key.starts_with("sha256:") && noted.kind.is_none(), "{noted:?}");
    }
    // A character that the database cannot keep, and a value that is no text.
    for id in [r#""a\u0000b""#, r#"{"x":1}"#, "null", "[]"] {
        let noted = one("card", &[], &format!(r#"{{"id":{id},"type":"paid"}}"#));
        assert!(noted.key.starts_with("sha256:") && noted.kind.is_none(), "{id}: {noted:?}");
    }
    let without_type = one("card", &[], r#"{"id":"evt_1"}"#);
    assert!(without_type.key.starts_with("sha256:") && without_type.kind.is_none(), "{without_type:?}");
}

/// By what a body is read nobody has signed: sent on as something else, it is another message, and none of the key that it
/// names.
#[test]
fn what_is_read_as_something_else_takes_no_key() {
    let body = r#"{"type":"parcel.arrived","data":{"parcel":"P-0001"}}"#;
    let of = |kind: &str| one("standard", &[("webhook-id", "m5"), ("content-type", kind)], body);
    assert_eq!(of("application/json").key, "m5");
    let forged = ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=x", "multipart/form-data; boundary=x"];
    let keys: std::collections::BTreeSet<String> = forged
        .map(of)
        .into_iter()
        .map(|noted| {
            assert_eq!(noted.kind, None, "{noted:?}");
            noted.key
        })
        .collect();
    assert!(keys.len() == 3 && keys.iter().all(|key| key.starts_with("sha256:")), "{keys:?}");
    // Of a fixed type nothing has to be read but the header: still it is none of that key.
    let fixed = one("letters", &[("webhook-id", "m5"), ("content-type", forged[0])], body);
    assert!(fixed.key.starts_with("sha256:") && fixed.kind.is_none(), "{fixed:?}");
}

/// SHA-256 of (SHA-256 of nothing, then `text/plain`), as `openssl dgst -sha256` says.
const OF_NOTHING_IN_TEXT: &str = "sha256:71fecb7f503fa6ffaaa02ba191203cb4fdf1a53d8004013e33b6fd2ed09f6c18";

#[test]
fn the_hash_is_of_the_body_and_of_what_it_is_to_be_read_by() {
    assert_eq!(one("standard", &[("webhook-id", "m"), ("content-type", "text/plain")], "").key, OF_NOTHING_IN_TEXT);
}

#[test]
fn a_query_belongs_to_a_message_where_it_is_signed_or_read() {
    let kept = |source: &str| {
        let app = app();
        let inbox = &app.inboxes[source];
        let scheme = verify::scheme(&inbox.scheme).expect("a scheme");
        let came = Came { inbox, scheme, headers: &HeaderMap::new(), query: "x=1", body: &Bytes::new() };
        came.query().to_owned()
    };
    assert_eq!(["standard", "hub", "sms", "pago"].map(kept), ["", "", "x=1", "x=1"]);
}

#[test]
fn a_list_is_taken_apart_and_what_is_none_is_kept_whole() {
    let (_, notes) = noted("pix", &[], "", r#"{"a":1,"pix":[{"endToEndId":"E1"},{"endToEndId":"E2"},{}],"b":2}"#);
    let told: Vec<(&str, Option<&str>, &[u8])> = notes.iter().map(|one| (one.key.as_str(), one.kind.as_deref(), &*one.body)).collect();
    assert_eq!(told[0], ("E1", Some("pix"), &br#"{"a":1,"pix":[{"endToEndId":"E1"}],"b":2}"#[..]));
    assert_eq!(told[1], ("E2", Some("pix"), &br#"{"a":1,"pix":[{"endToEndId":"E2"}],"b":2}"#[..]));
    assert_eq!((told[2].1, told[2].2), (None, &br#"{"a":1,"pix":[{}],"b":2}"#[..]));
    assert!(notes.iter().all(|one| one.item == Some(0)));
    let many = format!(r#"{{"pix":[{}]}}"#, vec!["1"; 1001].join(","));
    for body in [r#"{"pix":[]}"#, r#"{"pix":{"endToEndId":"E1"}}"#, r#"{"other":[]}"#, "[]", many.as_str()] {
        let (_, notes) = noted("pix", &[], "", body);
        assert_eq!((notes.len(), notes[0].kind.as_deref(), &*notes[0].body), (1, None, body.as_bytes()), "{body:.40}");
    }
}
