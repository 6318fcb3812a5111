//! The signatures of the providers, made as their documents say; `data/vectors.json` holds what they published.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

fn sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    // A key of any length is a key.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(|_| Vec::new(), |mac| mac.chain_update(message).finalize().into_bytes().to_vec())
}

/// The bytes of a `whsec_…` secret; nothing when it is not of that form.
pub(crate) fn standard_key(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).ok().filter(|key| !key.is_empty())
}

/// `webhook-signature` of Standard Webhooks.
pub(crate) fn standard(secret: &str, id: &str, sent_s: i64, body: &[u8]) -> String {
    let message = [format!("{id}.{sent_s}.").as_bytes(), body].concat();
    format!("v1,{}", STANDARD.encode(sha256(&standard_key(secret).unwrap_or_default(), &message)))
}

/// `stripe-signature`.
pub(crate) fn stripe(secret: &str, sent_s: i64, body: &[u8]) -> String {
    let message = [format!("{sent_s}.").as_bytes(), body].concat();
    format!("t={sent_s},v1={}", hex::encode(sha256(secret.as_bytes(), &message)))
}

/// `x-hub-signature-256`.
pub(crate) fn meta(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(sha256(secret.as_bytes(), body)))
}

/// `x-signature` of Mercado Pago.
pub(crate) fn mercado_pago(secret: &str, data_id: &str, request_id: &str, sent_ms: i64) -> String {
    let message = format!("id:{data_id};request-id:{request_id};ts:{sent_ms};");
    format!("ts={sent_ms},v1={}", hex::encode(sha256(secret.as_bytes(), message.as_bytes())))
}

/// `event_hash` of Dropbox Sign.
pub(crate) fn dropbox_sign(api_key: &str, event_time: &str, event_type: &str) -> String {
    hex::encode(sha256(api_key.as_bytes(), format!("{event_time}{event_type}").as_bytes()))
}

/// `x-twilio-signature` over the address and the fields of a form.
pub(crate) fn twilio(token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut sorted: Vec<&(String, String)> = fields.iter().collect();
    sorted.sort();
    sorted.dedup();
    let message = sorted.iter().fold(url.to_owned(), |text, (key, value)| text + key + value);
    let mac = Hmac::<Sha1>::new_from_slice(token.as_bytes());
    STANDARD.encode(mac.map_or_else(|_| Vec::new(), |mac| mac.chain_update(message).finalize().into_bytes().to_vec()))
}

/// `authorization` of a user and a password written `user:password`.
pub(crate) fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}

/// A secret of the same form that is somebody else's.
pub(crate) fn forged(secret: &str) -> String {
    if secret.starts_with("whsec_") {
        format!("whsec_{}", STANDARD.encode("not the secret of this endpoint"))
    } else {
        format!("{secret}x")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn as_published() {
        let vectors: Vec<Value> = serde_json::from_str(include_str!("../data/vectors.json")).unwrap();
        assert_eq!(vectors.len(), 13);
        for vector in &vectors {
            let text = |name: &str| vector[name].as_str().unwrap_or_else(|| panic!("{name} in {vector}"));
            let time = || vector["time"].as_i64().unwrap();
            let body = || text("body").as_bytes();
            let secret = text("secret");
            let made = match text("scheme") {
                "standard" => standard(secret, text("id"), time(), body()),
                "stripe" => stripe(secret, time(), body()),
                "meta" => meta(secret, body()),
                "mercado_pago" => mercado_pago(secret, text("id"), text("request_id"), time()),
                "dropbox_sign" => dropbox_sign(secret, text("event_time"), text("event_type")),
                "twilio" => {
                    let fields: Vec<(String, String)> = form_urlencoded::parse(text("form").as_bytes()).into_owned().collect();
                    twilio(secret, text("url"), &fields)
                }
                other => panic!("{other}"),
            };
            assert_eq!(made, text("signature"), "{}", text("source"));
        }
    }

    #[test]
    fn a_forged_secret_signs_otherwise() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert_ne!(standard(&forged(secret), "a", 1, b"x"), standard(secret, "a", 1, b"x"));
        assert_ne!(meta(&forged("12345"), b"x"), meta("12345", b"x"));
        assert_eq!(standard_key("whsec_%"), None);
        assert_eq!(basic("user:pass"), "Basic dXNlcjpwYXNz");
    }
}
