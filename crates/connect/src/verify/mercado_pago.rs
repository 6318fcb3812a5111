//! Mercado Pago: the id in the address, the request's id and the time; nothing of the body.

use super::mac::{Encoding, Hash};
use super::recipe::pairs;
use super::{Received, Rejected, Secret, header, optional, query, same};

const SIGNATURE: &str = "x-signature";

/// Judges a message. Its time, in milliseconds, is that of the first attempt: retries carry it on, so the clock is not asked.
pub(super) fn judge(received: &Received<'_>, secret: &Secret) -> Result<Option<i64>, Rejected> {
    let signature = header(received, SIGNATURE)?;
    let ts = one(pairs(signature, ',').filter(|(name, _)| *name == "ts").map(|(_, value)| value), "ts")?.ok_or(Rejected::Missing("ts"))?;
    let given: Vec<Vec<u8>> =
        pairs(signature, ',').filter(|(name, _)| *name == "v1").filter_map(|(_, value)| Encoding::Hex.read(value)).collect();
    if given.is_empty() {
        return Err(Rejected::Missing("v1"));
    }
    let request = optional(received, "x-request-id")?;
    let ids = form_urlencoded::parse(query(received.url).as_bytes()).filter(|(key, _)| key == "data.id").map(|(_, id)| id.into_owned());
    let id = one(ids, "data.id")?;
    // Two of its own readers differ on whether the id is put in lower case before it is signed.
    let lower = id.as_ref().map(|id| id.to_lowercase());
    let matched = [id, lower].iter().fold(false, |matched, id| {
        let expected = Hash::Sha256.hmac(secret.text.as_bytes(), manifest(id.as_deref(), request, ts).as_bytes());
        given.iter().fold(matched, |matched, hash| matched | same(hash, &expected))
    });
    if !matched {
        return Err(Rejected::Mismatch);
    }
    let sent_ms: i64 = ts.parse().map_err(|_| Rejected::Malformed("ts"))?;
    Ok(Some(sent_ms / 1000))
}

/// What is absent is left out, with its name.
fn manifest(id: Option<&str>, request: Option<&str>, ts: &str) -> String {
    let part = |name: &str, value: Option<&str>| value.map(|value| format!("{name}:{value};")).unwrap_or_default();
    part("id", id) + &part("request-id", request) + &part("ts", Some(ts))
}

fn one<T>(mut found: impl Iterator<Item = T>, name: &'static str) -> Result<Option<T>, Rejected> {
    let first = found.next();
    if found.next().is_some() { Err(Rejected::Twice(name)) } else { Ok(first) }
}
