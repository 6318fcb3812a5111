//! Ids of what a stand-in makes: never the same twice, also after a reset, and without a place to remember the last one.

use sha2::{Digest, Sha256};

use crate::moment::Moment;

const ALNUM: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Where ids come from: the number of the request and the time it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    pub(crate) n: u64,
    pub(crate) at: Moment,
}

impl Ids {
    /// `length` hexadecimal digits, at most 64. `what` tells apart the ids one request makes.
    pub(crate) fn hex(&self, what: &str, length: usize) -> String {
        hex::encode(self.bytes(what))[..length.min(64)].to_owned()
    }

    /// `length` letters and digits, at most 32.
    pub(crate) fn alnum(&self, what: &str, length: usize) -> String {
        self.bytes(what).iter().take(length).map(|byte| ALNUM[usize::from(*byte) % 62] as char).collect()
    }

    /// A number of `length` digits that does not begin with zero, at most 15.
    pub(crate) fn number(&self, what: &str, length: u32) -> u64 {
        let bytes = self.bytes(what);
        let wide = bytes[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let least = 10_u64.pow(length.clamp(1, 15) - 1);
        least + wide % (least * 9)
    }

    /// A UUID of version 4.
    pub(crate) fn uuid(&self, what: &str) -> String {
        let hex = self.hex(what, 32);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    fn bytes(&self, what: &str) -> [u8; 32] {
        Sha256::digest(format!("{what}\n{}\n{}", self.n, self.at.0)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_their_form_and_each_another() {
        let ids = Ids { n: 1, at: Moment(7) };
        assert_eq!((ids.hex("a", 32).len(), ids.alnum("a", 24).len(), ids.uuid("a").len()), (32, 24, 36));
        assert!((10_000_000_000..100_000_000_000).contains(&ids.number("a", 11)));
        let seen: std::collections::HashSet<String> = (0..1_000).map(|n| Ids { n, ..ids }.hex("a", 32)).collect();
        assert_eq!(seen.len(), 1_000);
        assert_ne!(ids.hex("a", 32), ids.hex("b", 32));
        assert_ne!(ids.hex("a", 32), Ids { at: Moment(8), ..ids }.hex("a", 32));
    }
}
