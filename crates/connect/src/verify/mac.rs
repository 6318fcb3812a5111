//! Keyed hashes, and how they are written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Which hash carries the HMAC.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// How a hash is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Encoding {
    Hex,
    Base64,
}

/// How the key is got from the secret as the provider shows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyForm {
    /// Its bytes.
    Text,
    /// Hexadecimal.
    Hex,
    /// Base64 after a prefix.
    Base64After(&'static str),
}

impl Hash {
    pub(super) fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => tag(Hmac::<Sha1>::new_from_slice(key), message),
            Hash::Sha256 => tag(Hmac::<Sha256>::new_from_slice(key), message),
        }
    }
}

fn tag<M: Mac>(mac: Result<M, hmac::digest::InvalidLength>, message: &[u8]) -> Vec<u8> {
    // An HMAC takes a key of any length.
    mac.map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec()).unwrap_or_default()
}

impl Encoding {
    /// The bytes; none when it is not written in this way.
    pub(super) fn read(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Encoding::Hex => hex::decode(text).ok(),
            Encoding::Base64 => STANDARD.decode(text).ok(),
        }
    }
}

impl KeyForm {
    /// The key; none when the secret is not of this form.
    pub(super) fn key(self, secret: &str) -> Option<Vec<u8>> {
        match self {
            KeyForm::Text => Some(secret.as_bytes().to_vec()),
            KeyForm::Hex => hex::decode(secret).ok(),
            KeyForm::Base64After(prefix) => STANDARD.decode(secret.strip_prefix(prefix).unwrap_or(secret)).ok(),
        }
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
