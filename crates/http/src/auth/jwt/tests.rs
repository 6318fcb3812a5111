//! Every way a token can be wrong, and the one way it is right.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm as Named, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "a secret of at least thirty-two bytes";
const RSA_PUBLIC: &str = include_str!("../../../tests/data/rsa_public.pem");
const RSA_PRIVATE: &[u8] = include_bytes!("../../../tests/data/rsa_private.pem");
const EC_PUBLIC: &str = include_str!("../../../tests/data/ec_public.pem");
const EC_PRIVATE: &[u8] = include_bytes!("../../../tests/data/ec_private.pem");
const ED_PUBLIC: &str = include_str!("../../../tests/data/ed_public.pem");
const ED_PRIVATE: &[u8] = include_bytes!("../../../tests/data/ed_private.pem");

fn key(algorithm: Algorithm, secret: &str, public_key: &str) -> JwtKey {
    JwtKey { algorithm, secret: secret.into(), public_key: public_key.into() }
}

fn settings(keys: Vec<(&str, JwtKey)>) -> Jwt {
    Jwt {
        issuer: "https://id.example".into(),
        audience: "statehouse".into(),
        email_claim: "email".into(),
        tenant_claim: "tenant".into(),
        keys: keys.into_iter().map(|(kid, key)| (kid.to_owned(), key)).collect(),
    }
}

fn issuer() -> Issuer {
    let keys = vec![
        ("hs", key(Algorithm::HS256, SECRET, "")),
        ("rs", key(Algorithm::RS256, "", RSA_PUBLIC)),
        ("es", key(Algorithm::ES256, "", EC_PUBLIC)),
        ("ed", key(Algorithm::EdDSA, "", ED_PUBLIC)),
    ];
    Issuer::new(&settings(keys)).expect("sound")
}

fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64
}

/// Claims of a sound token, with some of them otherwise; null takes one away.
fn claims(otherwise: Value) -> Value {
    let mut claims =
        json!({ "iss": "https://id.example", "aud": "statehouse", "exp": now_s() + 600, "email": "ada@example.org", "tenant": "nordur" });
    for (name, value) in otherwise.as_object().expect("an object") {
        match value {
            Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
            other => claims[name] = other.clone(),
        }
    }
    claims
}

fn signed(algorithm: Named, kid: Option<&str>, by: &EncodingKey, claims: &Value) -> String {
    encode(&Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }, claims, by).expect("signed")
}

fn by_secret(otherwise: Value) -> String {
    signed(Named::HS256, Some("hs"), &EncodingKey::from_secret(SECRET.as_bytes()), &claims(otherwise))
}

/// Base64url without padding, by hand, for tokens that no library would make.
fn coded(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = text.bytes().map(|byte| format!("{byte:08b}")).collect();
    let letters = bits.as_bytes().chunks(6).map(|six| {
        let six = format!("{:0<6}", std::str::from_utf8(six).expect("digits"));
        char::from(ALPHABET[usize::from_str_radix(&six, 2).expect("binary")])
    });
    letters.collect()
}

fn verdict(token: &str) -> String {
    match issuer().verify(token) {
        Ok(person) => format!("{} of {}", person.email, person.tenant),
        Err(problem) => problem.code().code.to_owned(),
    }
}

#[test]
fn a_sound_token_of_each_algorithm_names_its_person() {
    let rsa = EncodingKey::from_rsa_pem(RSA_PRIVATE).expect("a key");
    let ec = EncodingKey::from_ec_pem(EC_PRIVATE).expect("a key");
    let ed = EncodingKey::from_ed_pem(ED_PRIVATE).expect("a key");
    let sound = claims(json!({}));
    for token in [
        by_secret(json!({})),
        signed(Named::RS256, Some("rs"), &rsa, &sound),
        signed(Named::ES256, Some("es"), &ec, &sound),
        signed(Named::EdDSA, Some("ed"), &ed, &sound),
        by_secret(json!({ "aud": ["other", "statehouse"] })),
        by_secret(json!({ "nbf": now_s() - 5 })),
    ] {
        assert_eq!(verdict(&token), "ada@example.org of nordur");
    }
}

#[test]
fn claims_that_do_not_fit_are_refused_by_name() {
    for (otherwise, expected) in [
        (json!({ "exp": now_s() - 600 }), "SH6603"),
        (json!({ "exp": null }), "SH6605"),
        (json!({ "exp": "tomorrow" }), "SH6605"),
        (json!({ "nbf": now_s() + 600 }), "SH6603"),
        (json!({ "aud": "another" }), "SH6604"),
        (json!({ "aud": [] }), "SH6604"),
        (json!({ "aud": null }), "SH6605"),
        (json!({ "iss": "https://evil.example" }), "SH6604"),
        (json!({ "iss": null }), "SH6605"),
        (json!({ "email": null }), "SH6605"),
        (json!({ "email": "" }), "SH6605"),
        (json!({ "email": ["ada@example.org"] }), "SH6605"),
        (json!({ "tenant": null }), "SH6605"),
        (json!({ "tenant": 1 }), "SH6605"),
    ] {
        assert_eq!(verdict(&by_secret(otherwise.clone())), expected, "{otherwise}");
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let sound = claims(json!({}));
    let unsigned = |algorithm: &str| format!("{}.{}.", coded(&format!(r#"{{"alg":"{algorithm}","kid":"hs"}}"#)), coded(&sound.to_string()));
    let public_as_secret = EncodingKey::from_secret(RSA_PUBLIC.as_bytes());
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    let sound_token = by_secret(json!({}));
    let (front, _) = sound_token.rsplit_once('.').expect("three parts");
    for (what, token) in [
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("no signature under a true name", unsigned("HS256")),
        ("the public key as a shared secret", signed(Named::HS256, Some("rs"), &public_as_secret, &sound)),
        ("the secret under another key's name", signed(Named::HS256, Some("es"), &secret, &sound)),
        ("another HMAC", signed(Named::HS512, Some("hs"), &secret, &sound)),
        ("another secret", signed(Named::HS256, Some("hs"), &EncodingKey::from_secret(b"another secret of thirty-two bytes!!"), &sound)),
        ("the signature cut off", format!("{front}.")),
        ("claims put in place of others", {
            let (header, rest) = sound_token.split_once('.').expect("three parts");
            let (_, signature) = rest.split_once('.').expect("three parts");
            format!("{header}.{}.{signature}", coded(&claims(json!({ "email": "eve@example.org" })).to_string()))
        }),
        ("no token", "ey.ey.ey".to_owned()),
    ] {
        assert_eq!(verdict(&token), "SH6601", "{what}");
    }
}

#[test]
fn a_key_is_found_by_its_name_only() {
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    let sound = claims(json!({}));
    for kid in [Some("gone"), Some(""), Some("../hs"), None] {
        assert_eq!(verdict(&signed(Named::HS256, kid, &secret, &sound)), "SH6602", "{kid:?}");
    }
    let alone = Issuer::new(&settings(vec![("hs", key(Algorithm::HS256, SECRET, ""))])).expect("sound");
    assert!(alone.verify(&signed(Named::HS256, None, &secret, &sound)).is_ok(), "the only key needs no name");
}

#[test]
fn settings_that_make_no_sound_key_stop_the_server() {
    for (what, wrong) in [
        ("a short secret", settings(vec![("k", key(Algorithm::HS256, "short", ""))])),
        ("a public key for HMAC", settings(vec![("k", key(Algorithm::HS256, SECRET, RSA_PUBLIC))])),
        ("a secret for RSA", settings(vec![("k", key(Algorithm::RS256, SECRET, RSA_PUBLIC))])),
        ("no key", settings(vec![])),
        ("no PEM", settings(vec![("k", key(Algorithm::RS256, "", "-----BEGIN"))])),
        ("no audience", Jwt { audience: String::new(), ..settings(vec![("k", key(Algorithm::HS256, SECRET, ""))]) }),
    ] {
        assert_eq!(Issuer::new(&wrong).expect_err(what).fault().code.code, "SH0009", "{what}");
    }
}
