//! Where a page ended.
//!
//! A cursor holds the sort values of the last row and its id. It says nothing that its holder could not ask by a filter,
//! so it is no secret and no claim: it is bound to its question by a digest, and every value is read as strictly as a
//! filter's. What was changed in it, or belongs to another question, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const DIGEST_BYTES: usize = 12;
const CHARS_MAX: usize = 4096;

/// The last row of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Last {
    /// The values it was sorted by, as text.
    pub values: Vec<Option<String>>,
    /// Its id.
    pub id: Uuid,
}

impl Last {
    /// As text for the caller.
    pub fn seal(&self, question: &str) -> String {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = digest(question, &body).to_vec();
        bytes.extend(body);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Back from text, if it is one of this question.
    pub fn open(text: &str, question: &str) -> Option<Last> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|_| text.len() <= CHARS_MAX)?;
        let (sealed, body) = bytes.split_at_checked(DIGEST_BYTES)?;
        (sealed == digest(question, body)).then(|| serde_json::from_slice(body).ok())?
    }
}

fn digest(question: &str, body: &[u8]) -> [u8; DIGEST_BYTES] {
    // What is no text is no cursor of ours either; its digest then only has to differ.
    let whole = crate::secret::sha256(&format!("{}:{question}{}", question.len(), String::from_utf8_lossy(body)));
    let mut short = [0; DIGEST_BYTES];
    short.copy_from_slice(&whole[..DIGEST_BYTES]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_cursor_is_none() {
        let last = Last { values: vec![Some("2026-11-20".into()), None], id: Uuid::nil() };
        let sealed = last.seal("q");
        assert_eq!(Last::open(&sealed, "q"), Some(last));
        assert_eq!(Last::open(&sealed, "another"), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(Last::open(&String::from_utf8(changed).unwrap(), "q"), None, "at {at}");
        }
        for text in ["", "A", "é", &"A".repeat(10_000)] {
            assert_eq!(Last::open(text, "q"), None);
        }
    }
}
