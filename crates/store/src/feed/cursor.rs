//! A place in the feed.

use std::fmt;
use std::str::FromStr;

use statehouse_fault::SH6202;

use crate::StoreFault;

/// A place in the feed: everything up to and with event `n` of transaction `xid`. Numbers begin at 1, so `n = 0` means
/// everything before the transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The transaction, as `xid8`.
    pub xid: u64,
    /// The event.
    pub n: i64,
}

impl Cursor {
    /// Before the first event.
    pub const BEGIN: Cursor = Cursor { xid: 0, n: 0 };

    /// Before everything the transaction wrote.
    pub fn before(xid: u64) -> Cursor {
        Cursor { xid, n: 0 }
    }
}

/// `1234.5`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.xid, self.n)
    }
}

impl FromStr for Cursor {
    type Err = StoreFault;

    fn from_str(text: &str) -> Result<Cursor, StoreFault> {
        let digits = |part: &str| !part.is_empty() && part.len() <= 20 && part.bytes().all(|b| b.is_ascii_digit());
        text.split_once('.')
            .filter(|(xid, n)| digits(xid) && digits(n))
            .and_then(|(xid, n)| Some(Cursor { xid: xid.parse().ok()?, n: n.parse().ok()? }))
            .ok_or_else(|| StoreFault::refused(SH6202, "the cursor is not of this feed"))
    }
}

/// A transaction id as Postgres prints it.
pub(super) fn xid(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn a_place_reads_back_as_it_is_written() {
        for text in ["0.0", "742.1", "18446744073709551615.9223372036854775807"] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for text in ["", "7", "7.", ".7", "-7.1", "7.-1", "+7.1", "7.1.2", "7 .1", "18446744073709551616.1", "1.9223372036854775808", "x.y"]
        {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_transaction_comes_before_the_number() {
        let cursor = |text: &str| text.parse::<Cursor>().unwrap();
        assert!(cursor("9.100") < cursor("10.1"));
        assert!(Cursor::before(10) < cursor("10.1") && Cursor::before(10) > cursor("9.100"));
    }
}
