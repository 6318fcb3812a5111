//! Standard Webhooks: HMAC-SHA256 over `id.timestamp.body`. Pure.
//!
//! The receiver gets three headers. `webhook-id` is the same for every attempt at a message, so that it is taken once;
//! `webhook-timestamp` is the second of this attempt; `webhook-signature` has one signature for each living secret, so
//! that a secret can be changed without an instant at which both sides must agree.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use statehouse_fault::SH6211;
use uuid::Uuid;

use crate::StoreFault;

const PREFIX: &str = "whsec_";
const MASTER_BYTES_MIN: usize = 32;

/// What the secrets of all subscriptions are derived from. It is the server's, and never in the database: whoever reads
/// the database can sign nothing. It does not print itself.
#[derive(Clone)]
pub struct Master(Vec<u8>);

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Master(…)")
    }
}

impl Master {
    /// From base64 of at least 32 bytes.
    ///
    /// # Errors
    /// `SH6211` where it is missing, unreadable or too short.
    pub fn read(text: &str) -> Result<Master, StoreFault> {
        let bytes = STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() >= MASTER_BYTES_MIN);
        bytes.map(Master).ok_or_else(|| StoreFault::refused(SH6211, "`webhooks.master_secret` is not 32 bytes or more in base64"))
    }

    /// The secret of a subscription, by its number: 1 is the first, each rotation makes the next.
    pub fn secret(&self, tenant: i32, subscription: Uuid, number: i32) -> Secret {
        let mut mac = keyed(&self.0);
        mac.update(b"statehouse webhook secret\0");
        mac.update(&tenant.to_be_bytes());
        mac.update(subscription.as_bytes());
        mac.update(&number.to_be_bytes());
        Secret(mac.finalize().into_bytes().to_vec())
    }
}

/// What a receiver checks signatures with. It prints itself by [`Secret::reveal`] alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// From `whsec_…`.
    pub fn parse(text: &str) -> Option<Secret> {
        STANDARD.decode(text.strip_prefix(PREFIX)?).ok().map(Secret)
    }

    /// `whsec_…`, to be shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

/// `v1,…` over `id.timestamp.body`; `at_s` in seconds since 1970.
pub fn signature(secret: &Secret, id: &str, at_s: i64, body: &[u8]) -> String {
    let mut mac = keyed(&secret.0);
    mac.update(format!("{id}.{at_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The headers of one attempt, signed by each of the living secrets, the newest first.
pub fn headers(secrets: &[Secret], id: &str, at_s: i64, body: &[u8]) -> [(&'static str, String); 3] {
    let signatures: Vec<String> = secrets.iter().map(|secret| signature(secret, id, at_s, body)).collect();
    [("webhook-id", id.to_owned()), ("webhook-timestamp", at_s.to_string()), ("webhook-signature", signatures.join(" "))]
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length.
    Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors that Standard Webhooks and Svix publish.
    #[test]
    fn published_vectors() {
        let vectors = [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ];
        for (secret, id, at_s, body, expected) in vectors {
            let secret = Secret::parse(secret).unwrap();
            assert_eq!(signature(&secret, id, at_s, body.as_bytes()), expected);
            for (id, at_s, body) in [("msg_other", at_s, body), (id, at_s + 1, body), (id, at_s, "{}")] {
                assert_ne!(signature(&secret, id, at_s, body.as_bytes()), expected, "{id} {at_s} {body}");
            }
        }
    }

    #[test]
    fn each_living_secret_signs() {
        let secrets =
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"].map(|s| Secret::parse(s).unwrap());
        let [id, at, signed] = headers(&secrets, "msg_1", 12, b"{}");
        assert_eq!((id, at), (("webhook-id", "msg_1".into()), ("webhook-timestamp", "12".into())));
        let each: Vec<&str> = signed.1.split(' ').collect();
        assert_eq!(each, secrets.iter().map(|s| signature(s, "msg_1", 12, b"{}")).collect::<Vec<_>>());
    }

    #[test]
    fn every_secret_is_another() {
        let master = Master::read(&STANDARD.encode([7; 32])).unwrap();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let all = [master.secret(1, a, 1), master.secret(1, a, 2), master.secret(1, b, 1), master.secret(2, a, 1)];
        assert_eq!(all[0], master.secret(1, a, 1));
        assert_eq!(Secret::parse(&all[0].reveal()), Some(all[0].clone()));
        assert!(all.iter().enumerate().all(|(at, secret)| !all[at + 1..].contains(secret)));
        assert_eq!(format!("{master:?} {:?}", all[0]), "Master(…) Secret(…)");
        for bad in ["", "short", &STANDARD.encode([7; 31])] {
            assert_eq!(Master::read(bad).unwrap_err().fault().code, SH6211);
        }
    }
}
