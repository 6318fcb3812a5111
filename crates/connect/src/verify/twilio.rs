//! Twilio: the address, and the form's fields in order, or a hash of the body named in the address.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::mac::{Encoding, Hash, sha256_hex};
use super::{Received, Rejected, Secret, header, query, same};

const SIGNATURE: &str = "x-twilio-signature";

/// Judges a message; there is no time in it.
pub(super) fn judge(received: &Received<'_>, secret: &Secret) -> Result<Option<i64>, Rejected> {
    let given = Encoding::Base64.read(header(received, SIGNATURE)?).ok_or(Rejected::Malformed(SIGNATURE))?;
    let fields = match body_hash(received.url)? {
        // The address carries the hash of a body that is no form.
        Some(hash) if !same(hash.to_ascii_lowercase().as_bytes(), sha256_hex(received.body).as_bytes()) => return Err(Rejected::Mismatch),
        Some(_) => String::new(),
        None => form(received.body),
    };
    let matched = addresses(received.url).iter().fold(false, |matched, url| {
        let expected = Hash::Sha1.hmac(secret.text.as_bytes(), format!("{url}{fields}").as_bytes());
        matched | same(&given, &expected)
    });
    if matched { Ok(None) } else { Err(Rejected::Mismatch) }
}

fn body_hash(url: &str) -> Result<Option<Cow<'_, str>>, Rejected> {
    let mut found = form_urlencoded::parse(query(url).as_bytes()).filter(|(key, _)| key == "bodySHA256").map(|(_, hash)| hash);
    let first = found.next();
    if found.next().is_some() { Err(Rejected::Twice("bodySHA256")) } else { Ok(first) }
}

/// Every field by name, each of its values once and in order.
fn form(body: &[u8]) -> String {
    let fields: BTreeSet<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    fields.into_iter().fold(String::new(), |text, (key, value)| text + &key + &value)
}

/// The sender may sign the address with its port or without.
fn addresses(url: &str) -> Vec<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let usual = if scheme == "http" { "80" } else { "443" };
    let other = match host.rsplit_once(':') {
        Some((bare, port)) if port == usual => bare.to_owned(),
        Some(_) => return vec![url.to_owned()],
        None => format!("{host}:{usual}"),
    };
    vec![url.to_owned(), format!("{scheme}://{other}{path}")]
}
