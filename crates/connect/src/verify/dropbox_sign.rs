//! Dropbox Sign: a hash inside the body, over two of its fields.

use serde_json::Value;

use super::mac::{Encoding, Hash};
use super::{Received, Rejected, Secret, TOLERANCE_S, header, same};

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
    let kind = header(received, "content-type")?;
    let Some((_, boundary)) = kind.split_once("boundary=") else { return Ok(received.body) };
    let boundary = boundary.split(';').next().unwrap_or_default().trim().trim_matches('"');
    let fence = format!("--{boundary}");
    let mut found = parts(received.body, fence.as_bytes()).filter_map(named_json);
    let first = found.next().ok_or(Rejected::Missing("json"))?;
    if found.next().is_some() { Err(Rejected::Twice("json")) } else { Ok(first) }
}

/// What stands between the fences.
fn parts<'a, 'f>(body: &'a [u8], fence: &'f [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'f> {
    let mut rest = find(body, fence).map(|at| &body[at + fence.len()..]);
    std::iter::from_fn(move || {
        let here = rest?;
        let end = find(here, fence)?;
        rest = Some(&here[end + fence.len()..]);
        Some(&here[..end])
    })
}

/// The content of a part whose name is `json`.
fn named_json(part: &[u8]) -> Option<&[u8]> {
    let at = find(part, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&part[..at]).ok()?;
    let named = head.lines().any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("content-disposition:") && line.split(';').any(|word| matches!(word.trim(), "name=\"json\"" | "name=json"))
    });
    let content = &part[at + 4..];
    named.then(|| content.strip_suffix(b"\r\n").unwrap_or(content))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() {
        return None;
    }
    text.windows(wanted.len()).position(|window| window == wanted)
}
