//! Files: uploads that resume, downloads that are checked, and what nothing holds any more.
//!
//! A file is chunks of [`CHUNK_BYTES`]; its address is a hash over its size, media type, name and the hashes of its chunks
//! (`statehouse.file_address`). Every part that is written or read is a transaction of its own, so that no connection is
//! held while a peer is slow, and so that losing sight of a record ends a download that is under way.

mod download;
mod json;
mod sweep;
mod upload;

use std::fmt;
use std::str::FromStr;

use statehouse_compile::entity::reach;
use statehouse_definition::model::{App, FieldKind};

pub use download::{Held, Place, Relation, Row, about, read};
pub use json::json;
pub use sweep::{Swept, sweep};
pub use upload::{Described, Upload, abandon, append, begin, finish, offset_of, state};

/// Bytes of every chunk but a file's last.
pub const CHUNK_BYTES: u64 = 256 << 10;

/// The most bytes that are written or read at once.
pub const PART_BYTES: u64 = 1 << 20;

/// The address of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its address.
    pub hash: Hash,
    /// Bytes.
    pub size: u64,
    /// As its uploader declared it.
    pub media_type: String,
    /// As its uploader named it.
    pub name: String,
}

/// Whether a role may ever put a file into a field, of a record or of a row that one owns.
pub fn attaches(app: &App, role: &str) -> bool {
    app.entities.values().any(|entity| {
        let Some(reach) = reach(app, &entity.name, role) else { return false };
        let file = |kind: Option<&FieldKind>| kind == Some(&FieldKind::File);
        let own = |name: &String| file(entity.fields.get(name).map(|field| &field.kind));
        let rows = |child: &str, name: &String| file(entity.children[child].fields.get(name).map(|field| &field.kind));
        reach.creatable.iter().chain(&reach.editable).any(own)
            || reach.children.iter().any(|child| child.writable.iter().any(|name| rows(&child.name, name)))
    })
}

impl Hash {
    /// The address in a column.
    ///
    /// # Errors
    /// `SH9001` for a value that is no address.
    fn read(bytes: &[u8]) -> Result<Hash, crate::StoreFault> {
        let whole = bytes.try_into().map(Hash);
        whole.map_err(|_| crate::StoreFault::refused(statehouse_fault::SH9001, "an address of a file is not of 32 bytes"))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Hash, NotAHash> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(NotAHash);
        }
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).map_err(|_| NotAHash)?;
        }
        if text.contains('+') { Err(NotAHash) } else { Ok(Hash(bytes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_64_digits() {
        let text = "00ff".repeat(16);
        assert_eq!(text.parse::<Hash>().map(|hash| hash.to_string()), Ok(text));
        for text in ["", "00", &"0g".repeat(32), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(text.parse::<Hash>(), Err(NotAHash), "{text}");
        }
    }
}
