//! How values stand on the wire, so that none of them becomes anything but itself.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Percent-encodes everything but letters, digits and `-._~`.
pub(super) fn value(text: &str) -> String {
    encoded(text, b"-._~")
}

/// The same for one segment of a path, where a colon needs no encoding.
pub(super) fn segment(text: &str) -> String {
    encoded(text, b"-._~:")
}

fn encoded(text: &str, plain: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Letters and digits that nobody takes for one another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Eight letters and digits that stand for a key where a provider keeps no reference but a text.
pub(super) fn short(key: &str) -> String {
    let hash = Sha256::digest(key.as_bytes());
    let bits = hash.iter().take(5).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    (0..8).rev().map(|n| char::from(ALPHABET[(bits >> (5 * n) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_means_something_is_encoded() {
        assert_eq!(value("a b+c&d=e/f?g#h%20"), "a%20b%2Bc%26d%3De%2Ff%3Fg%23h%2520");
        assert_eq!(segment("123:AB-c_d.e~"), "123:AB-c_d.e~");
        assert_eq!(segment("../x;y@z"), "..%2Fx%3By%40z");
        assert_eq!(value("Ð ż"), "%C3%90%20%C5%BC");
    }

    /// The first five bytes of the hash, by hand: SHA-256 of `abc` begins ba 78 16 bf 8f.
    #[test]
    fn a_key_has_its_short_form() {
        assert_eq!(short("abc"), "Q9W1DFWF");
        assert_ne!(short("abc"), short("abd"));
    }
}
