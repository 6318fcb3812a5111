//! Random words and secrets, and how they are hashed and written.

use sha2::{Digest, Sha256};

use crate::StoreFault;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn random<const N: usize>() -> Result<[u8; N], StoreFault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|cause| StoreFault::refused(statehouse_fault::SH9001, format!("the system gives no randomness: {cause}")))?;
    Ok(bytes)
}

/// 256 random bits as 43 characters of base64url.
pub(crate) fn secret() -> Result<String, StoreFault> {
    Ok(base64url(&random::<32>()?))
}

/// A random id (version 4).
pub(crate) fn random_id() -> Result<uuid::Uuid, StoreFault> {
    Ok(uuid::Builder::from_random_bytes(random::<16>()?).into_uuid())
}

/// `letters` random letters and digits in lower case, for names; at most 32.
pub(crate) fn word(letters: usize) -> Result<String, StoreFault> {
    let bytes = random::<32>()?;
    Ok(bytes.iter().take(letters).map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte % 32)])).collect())
}

/// SHA-256.
pub(crate) fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// Two lower-case digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Six bits a character, without padding (RFC 4648 §5).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 §10, with the alphabet of §5 and without padding.
    #[test]
    fn base64url_is_the_standard_one() {
        let pairs =
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy")];
        for (plain, coded) in pairs {
            assert_eq!(base64url(plain.as_bytes()), coded);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn a_secret_has_256_bits_and_comes_once() {
        let (one, two) = (secret().expect("random"), secret().expect("random"));
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
    }
}
