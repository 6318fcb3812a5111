//! Dropbox Sign: a hash inside the body, over two of its fields.

use serde_json::Value;

use super::mac::{Encoding, Hash};
use super::{Received, Rejected, Secret, TOLERANCE_S, header, same};
use crate::body;

/// Judges a message. The JSON stands in the part `json` of a form; the rest of the body is covered by nothing.
pub(super) fn judge(received: &Received<'_>, secret: &Secret, now: i64) -> Result<Option<i64>, Rejected> {
    let message: Value = serde_json::from_slice(json(received)?).map_err(|_| Rejected::Malformed("json"))?;
    let field = |name: &'static str| message["event"][name].as_str().ok_or(Rejected::Missing(name));
    let (time, kind, hash) = (field("event_time")?, field("event_type")?, field("event_hash")?);
    let given = Encoding::Hex.read(hash).ok_or(Rejected::Malformed("event_hash"))?;
    let expected = Hash::Sha256.hmac(secret.text.as_bytes(), format!("{time}{kind}").as_bytes());
    if !same(&given, &expected) {
        return Err(Rejected::Mismatch);
    }
    let sent_at: i64 = time.parse().map_err(|_| Rejected::Malformed("event_time"))?;
    // Retries carry the time of the event, for three days; only one from ahead of us cannot be.
    if sent_at > now + TOLERANCE_S { Err(Rejected::OutOfTime(now - sent_at)) } else { Ok(Some(sent_at)) }
}

/// The part `json` of the form, or the body itself where it is JSON.
fn json<'a>(received: &Received<'a>) -> Result<&'a [u8], Rejected> {
    let Some(boundary) = body::boundary(header(received, "content-type")?) else { return Ok(received.body) };
    let mut found = body::json_parts(received.body, boundary);
    let first = found.next().ok_or(Rejected::Missing("json"))?;
    if found.next().is_some() { Err(Rejected::Twice("json")) } else { Ok(first) }
}
