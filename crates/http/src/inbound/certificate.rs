//! The certificate by which a proxy knows the sender of a message, where the proxy is trusted and says so.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use crate::limits::HandedOn;

/// SHA-256 of the sender's certificate, out of the header `name`; nothing where nobody who is trusted says so, or two say so.
pub(super) fn shown(parts: &Parts, name: &str) -> Option<[u8; 32]> {
    if name.is_empty() || parts.extensions.get::<HandedOn>().is_none() {
        return None;
    }
    read(&parts.headers, name)
}

fn read(headers: &HeaderMap, name: &str) -> Option<[u8; 32]> {
    let mut values = headers.get_all(name).iter();
    let text = values.next().filter(|_| values.next().is_none())?.to_str().ok()?.trim();
    hex(text).or_else(|| forwarded(text).and_then(hex)).or_else(|| pem(text))
}

/// The hash of an `x-forwarded-client-cert` of one hop. Of several the first may be the client's own invention, which a
/// proxy that appends has let through: then nobody is shown.
fn forwarded(text: &str) -> Option<&str> {
    let once = text.to_ascii_lowercase().matches("hash=").count() == 1;
    let mut named = pairs(text)?.into_iter().filter_map(|pair| pair.split_once('='));
    named.find(|(name, _)| once && name.trim().eq_ignore_ascii_case("hash")).map(|(_, hash)| hash.trim())
}

/// What stands between semicolons; none where a comma begins another hop, or a quoted text does not end.
fn pairs(text: &str) -> Option<Vec<&str>> {
    let (mut pairs, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return None,
            ';' if !quoted => {
                pairs.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    pairs.push(&text[from..]);
    (!quoted).then_some(pairs)
}

/// 64 digits, with or without colons.
fn hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// A certificate as text, percent-encoded since a header has no lines.
fn pem(text: &str) -> Option<[u8; 32]> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    let mut begun = decoded.split("-----BEGIN CERTIFICATE-----").skip(1);
    let inside = begun.next().filter(|_| begun.next().is_none())?.split("-----END CERTIFICATE-----").next()?;
    let compact: String = inside.chars().filter(|letter| !letter.is_whitespace()).collect();
    let der = STANDARD.decode(compact).ok().filter(|der| !der.is_empty())?;
    Some(Sha256::digest(der).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-cert", value.parse().expect("a header"));
        }
        read(&headers, "x-cert").map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// SHA-256 of the three bytes `abc`, FIPS 180-2 appendix B.1.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_certificate_is_read_in_the_ways_proxies_write_it() {
        assert_eq!(of(&[ABC]).as_deref(), Some(ABC));
        assert_eq!(of(&[&ABC.to_uppercase()]).as_deref(), Some(ABC));
        let colons: Vec<String> = ABC.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect();
        assert_eq!(of(&[&colons.join(":")]).as_deref(), Some(ABC));
        assert_eq!(of(&[&format!("By=spiffe://x;Hash={ABC};Subject=\"CN=bank\"")]).as_deref(), Some(ABC));
        // Names are in any case, and what is quoted may hold what else sets apart.
        assert_eq!(of(&[&format!("Subject=\"O=a;b,CN=\\\"bank\\\"\";hash={ABC}")]).as_deref(), Some(ABC));
        // `YWJj` is `abc` in base64.
        assert_eq!(of(&["-----BEGIN%20CERTIFICATE-----%0AYWJj%0A-----END%20CERTIFICATE-----%0A"]).as_deref(), Some(ABC));
    }

    /// A client writes the first hop itself, and a proxy that appends adds the true one behind it.
    #[test]
    fn of_several_hops_none_is_believed() {
        let real = format!("Hash={};By=real", "0".repeat(64));
        for forged in [
            format!("Hash={ABC};By=x,{real}"),
            format!("{real},Hash={ABC};By=x"),
            format!("Hash={ABC};By=x,By=real;Subject=\"CN=somebody\""),
            format!("Hash={ABC};hash={}", "0".repeat(64)),
            format!("Hash={ABC};Subject=\"x,{real}"),
            format!("Hash={ABC};Subject=\"x,{real};Subject=\"CN=\\\"a\\\"\""),
            format!("By=real;Subject=\"CN=a;Hash={ABC}\""),
        ] {
            assert_eq!(of(&[&forged]), None, "{forged}");
        }
        let pem = "-----BEGIN%20CERTIFICATE-----%0AYWJj%0A-----END%20CERTIFICATE-----%0A";
        assert_eq!(of(&[&format!("{pem}{pem}")]), None);
    }

    #[test]
    fn what_says_none_or_two_is_none() {
        let twice = format!("{ABC}, {ABC}");
        for wrong in [
            vec![""],
            vec![&ABC[1..]],
            vec!["NONE"],
            vec![ABC, ABC],
            vec![twice.as_str()],
            vec!["-----BEGIN%20CERTIFICATE-----%0A%0A-----END%20CERTIFICATE-----"],
        ] {
            assert_eq!(of(&wrong), None, "{wrong:?}");
        }
    }
}
