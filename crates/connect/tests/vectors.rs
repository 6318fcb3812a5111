//! Published signatures, and everything near them that must not pass.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use statehouse_connect::verify::{Coverage, Received, Rejected, Secret, names, scheme};

/// One row of `data/vectors.json`: a message as its provider made it, copied from the provider's own documents or tests.
#[derive(Debug, Deserialize)]
struct Vector {
    name: String,
    scheme: String,
    secret: String,
    headers: BTreeMap<String, String>,
    url: String,
    body: String,
    now: i64,
    #[serde(default)]
    sent_at: Option<i64>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../data/vectors.json")).unwrap()
}

impl Vector {
    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): (&String, &String)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
        self.headers.iter().map(pair).collect()
    }

    fn judged(&self, headers: &HeaderMap, url: &str, body: &[u8], secrets: &[Secret], now: i64) -> Result<Option<i64>, Rejected> {
        let received = Received { url, headers, body, certificate: None };
        scheme(&self.scheme).unwrap().verify(&received, secrets, now).map(|proof| proof.sent_at)
    }

    fn secrets(&self) -> Vec<Secret> {
        vec![Secret::new("one", &self.secret)]
    }
}

#[test]
fn each_is_taken() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 25);
    for vector in vectors {
        let found = vector.judged(&vector.headers(), &vector.url, vector.body.as_bytes(), &vector.secrets(), vector.now);
        assert_eq!(found, Ok(vector.sent_at), "{}", vector.name);
    }
}

#[test]
fn another_secret_takes_none() {
    for vector in vectors() {
        // A secret of the same form: its last character but one is another.
        let mut other = vector.secret.clone().into_bytes();
        let at = other.len() - 2;
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = [Secret::new("other", String::from_utf8(other).unwrap())];
        let found = vector.judged(&vector.headers(), &vector.url, vector.body.as_bytes(), &other, vector.now);
        assert_eq!(found, Err(Rejected::Mismatch), "{}", vector.name);
    }
}

#[test]
fn not_a_byte_of_a_covered_body_may_differ() {
    let mut tried = 0;
    for vector in vectors().iter().filter(|vector| scheme(&vector.scheme).unwrap().coverage == Coverage::Whole) {
        for at in 0..vector.body.len() {
            let mut body = vector.body.clone().into_bytes();
            body[at] ^= 1;
            let found = vector.judged(&vector.headers(), &vector.url, &body, &vector.secrets(), vector.now);
            assert!(found.is_err(), "{} byte {at}", vector.name);
            tried += 1;
        }
    }
    assert!(tried > 1_000, "{tried} bytes were tried");
}

#[test]
fn what_is_not_covered_is_said() {
    let covered = |name: &str| scheme(name).unwrap().coverage;
    let partly = ["dropbox_sign", "mercado_pago", "adyen"];
    let sender = ["telegram_bot", "pix", "asaas"];
    for name in names() {
        let expected = if partly.contains(&name) {
            Coverage::Partly
        } else if sender.contains(&name) {
            Coverage::Sender
        } else {
            Coverage::Whole
        };
        assert_eq!(covered(name), expected, "{name}");
    }
    // And it is true: the body of these can be anything.
    for name in ["mercado pago", "asaas token"] {
        let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
        let found = vector.judged(&vector.headers(), &vector.url, b"something else", &vector.secrets(), vector.now);
        assert_eq!(found, Ok(vector.sent_at), "{name}");
    }
}

/// What a scheme says it signs beside the body cannot be changed, and what it does not say can.
#[test]
fn what_is_signed_beside_the_body_is_said() {
    for vector in vectors() {
        let signed = scheme(&vector.scheme).unwrap().signed();
        let judged = |headers: &HeaderMap, url: &str| vector.judged(headers, url, vector.body.as_bytes(), &vector.secrets(), vector.now);
        let mut headers = vector.headers();
        headers.insert("x-other", HeaderValue::from_static("another"));
        assert_eq!(judged(&headers, &vector.url), Ok(vector.sent_at), "{}", vector.name);
        let url = format!("{}{}other=1", vector.url, if vector.url.contains('?') { '&' } else { '?' });
        assert_eq!(judged(&headers, &url).is_ok(), !signed.contains(&"query".to_owned()), "{}: {url}", vector.name);
        for name in signed.iter().filter_map(|part| part.strip_prefix("header.")).filter(|name| vector.headers.contains_key(*name)) {
            headers.insert(name.parse::<HeaderName>().unwrap(), format!("{}1", vector.headers[name]).parse().unwrap());
            assert!(judged(&headers, &vector.url).is_err(), "{} with another `{name}`", vector.name);
            headers.insert(name.parse::<HeaderName>().unwrap(), vector.headers[name].parse().unwrap());
        }
    }
}

#[test]
fn a_time_that_is_signed_is_checked_both_ways() {
    for name in ["standard webhooks", "svix", "slack", "stripe"] {
        let vector = vectors().into_iter().find(|vector| vector.name == name).unwrap();
        let sent = vector.sent_at.unwrap();
        let at = |now| vector.judged(&vector.headers(), &vector.url, vector.body.as_bytes(), &vector.secrets(), now);
        assert_eq!([at(sent - 300), at(sent + 300)], [Ok(Some(sent)), Ok(Some(sent))], "{name}");
        assert_eq!([at(sent + 301), at(sent - 301)], [Err(Rejected::OutOfTime(301)), Err(Rejected::OutOfTime(-301))], "{name}");
    }
}

#[test]
fn what_stands_twice_or_not_at_all_is_refused() {
    for vector in vectors().iter().filter(|vector| !vector.headers.is_empty()) {
        for name in vector.headers.keys().filter(|name| !name.starts_with("x-docusign") && *name != "content-type") {
            let mut headers = vector.headers();
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("another"));
            let found = vector.judged(&headers, &vector.url, vector.body.as_bytes(), &vector.secrets(), vector.now);
            assert!(matches!(found, Err(Rejected::Twice(_))), "{} with `{name}` twice: {found:?}", vector.name);
            headers.remove(name);
            let found = vector.judged(&headers, &vector.url, vector.body.as_bytes(), &vector.secrets(), vector.now);
            // Mercado Pago signs without the request's id when there is none.
            assert!(matches!(found, Err(Rejected::Missing(_) | Rejected::Mismatch)), "{} without `{name}`: {found:?}", vector.name);
        }
    }
}

#[test]
fn secrets_live_side_by_side_and_end() {
    let vector = vectors().into_iter().find(|vector| vector.name == "stripe").unwrap();
    let new = Secret { not_before: Some(12_000), ..Secret::new("new", "whsec_test_secret") };
    let old = Secret { not_after: Some(12_345), ..Secret::new("old", "whsec_test_secret") };
    let other = Secret::new("other", "whsec_another");
    let (headers, body) = (vector.headers(), vector.body.as_bytes());
    let received = Received { url: &vector.url, headers: &headers, body, certificate: None };
    let by = |secrets: &[Secret], now| scheme("stripe").unwrap().verify(&received, secrets, now).map(|proof| proof.secret);
    assert_eq!(by(&[other.clone(), new.clone()], 12_345).as_deref(), Ok("new"));
    assert_eq!(by(&[old.clone(), new.clone()], 12_344).as_deref(), Ok("old"));
    assert_eq!(by(&[old.clone(), new.clone()], 12_345).as_deref(), Ok("new"));
    assert_eq!(by(&[old], 12_345), Err(Rejected::NoSecret));
    assert_eq!(by(&[other], 12_345), Err(Rejected::Mismatch));
    assert_eq!(by(&[], 12_345), Err(Rejected::NoSecret));
}

/// One that was mistyped takes none of the others down, wherever it stands.
#[test]
fn a_malformed_secret_is_passed_over() {
    let vector = vectors().into_iter().find(|vector| vector.name == "standard webhooks").unwrap();
    let scheme = scheme("standard_webhooks").unwrap();
    let (headers, body) = (vector.headers(), vector.body.as_bytes());
    let received = Received { url: &vector.url, headers: &headers, body, certificate: None };
    let by = |secrets: &[Secret]| scheme.verify(&received, secrets, vector.now).map(|proof| proof.secret);
    let (good, new) = (Secret::new("old", &vector.secret), Secret::new("new", "whsec_not base64!"));
    let other = Secret::new("other", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    assert_eq!([scheme.reads(&good), scheme.reads(&new)], [true, false]);
    assert_eq!(by(&[new.clone(), good.clone()]).as_deref(), Ok("old"));
    assert_eq!(by(&[good, new.clone()]).as_deref(), Ok("old"));
    for both in [[new.clone(), other.clone()], [other, new.clone()]] {
        assert_eq!(by(&both), Err(Rejected::Mismatch));
    }
    assert_eq!(by(&[new]), Err(Rejected::Secret("new".to_owned())), "none could be read");
}

#[test]
fn a_connection_is_known_by_its_certificate() {
    let headers = HeaderMap::new();
    let pinned = [Secret::new("bank", "11".repeat(32))];
    let judged = |certificate| {
        let received = Received { url: "https://hooks.example/pix", headers: &headers, body: b"{\"pix\":[]}", certificate };
        scheme("pix").unwrap().verify(&received, &pinned, 0).map(|proof| proof.coverage)
    };
    assert_eq!(judged(Some([0x11; 32])), Ok(Coverage::Sender));
    assert_eq!(judged(Some([0x12; 32])), Err(Rejected::Mismatch));
    assert_eq!(judged(None), Err(Rejected::Missing("client certificate")));
}

#[test]
fn the_question_at_subscription_is_answered_once_the_token_is_ours() {
    let secrets = [Secret::new("app", "shh"), Secret::new("verify_token", "ours")];
    let asked = |query: &str| scheme("meta").unwrap().challenge(query, &secrets, 0);
    assert_eq!(asked("hub.mode=subscribe&hub.verify_token=ours&hub.challenge=1158201444").as_deref(), Some("1158201444"));
    assert_eq!(asked("hub.mode=subscribe&hub.verify_token=shh&hub.challenge=1"), None);
    assert_eq!(asked("hub.mode=unsubscribe&hub.verify_token=ours&hub.challenge=1"), None);
    assert_eq!(asked("hub.mode=subscribe&hub.verify_token=ours&hub.verify_token=ours&hub.challenge=1"), None);
    assert_eq!(scheme("github").unwrap().challenge("hub.mode=subscribe&hub.verify_token=ours&hub.challenge=1", &secrets, 0), None);
}

#[test]
fn every_name_is_a_scheme() {
    assert_eq!(names().count(), 22);
    for name in names() {
        assert_eq!(scheme(name).map(|scheme| scheme.name), Some(name));
    }
    assert!(scheme("plain_trust").is_none());
    assert_eq!(scheme("dropbox_sign").unwrap().ack.body, "Hello API Event Received");
}
