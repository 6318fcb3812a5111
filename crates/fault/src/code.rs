//! What a code is: one row of the list.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::list::CODES;

/// One row of the list of codes. Rows exist only as the constants of the list, so a code can be compared and
/// printed but not made up.
#[derive(Debug)]
#[non_exhaustive]
pub struct Code {
    /// `SH` and four digits, the name that never changes.
    pub code: &'static str,
    /// The same in words joined by `_`, for links and metrics.
    pub slug: &'static str,
    /// A few words in lower case.
    pub title: &'static str,
    /// Whether the same request can succeed later.
    pub retry: Retry,
    /// The HTTP status of a response that carries it.
    pub status: u16,
    /// The SQLSTATE with which Postgres raises it, when it does: `S` and the four digits, or a standard one.
    pub sqlstate: Option<&'static str>,
    /// What to do, in a line; shown when a fault brings no better help.
    pub help: &'static str,
    /// The page `docs/errors/SHnnnn.md`, whole.
    pub page: &'static str,
}

/// What somebody who met a fault can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same request will never succeed.
    Never,
    /// Fetch the present state and decide again.
    Refresh,
    /// The same request may succeed in a while.
    Later,
    /// Somebody has to correct something first.
    AfterFix,
}

/// The part of the product a code belongs to, told by its first digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// 0: start-up and configuration.
    Startup,
    /// 1: the request itself.
    Request,
    /// 2: identity and permission.
    Identity,
    /// 3: the definition.
    Definition,
    /// 4: the transition.
    Transition,
    /// 5: storage.
    Storage,
    /// 6: effects, timers, messages.
    Effect,
    /// 7: agents.
    Agent,
    /// 8: limits.
    Limit,
    /// 9: our bug.
    Bug,
}

impl Code {
    /// The row of `SH4004`, if there is one.
    pub fn find(code: &str) -> Option<&'static Code> {
        CODES.binary_search_by(|row| row.code.cmp(code)).ok().map(|at| CODES[at])
    }

    /// The family, from the first digit.
    pub fn family(&self) -> Family {
        match self.code.as_bytes()[2] {
            b'0' => Family::Startup,
            b'1' => Family::Request,
            b'2' => Family::Identity,
            b'3' => Family::Definition,
            b'4' => Family::Transition,
            b'5' => Family::Storage,
            b'6' => Family::Effect,
            b'7' => Family::Agent,
            b'8' => Family::Limit,
            _ => Family::Bug,
        }
    }
}

/// The page of a code as Markdown, for `statehouse explain SH4004`.
pub fn page(code: &str) -> Option<&'static str> {
    Code::find(code).map(|row| row.page)
}

impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.code == other.code
    }
}

impl Eq for Code {}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code)
    }
}

/// Makes the constants, the slice `CODES` in the order written, and ties each line to its page.
macro_rules! codes {
    ($($code:ident $slug:ident $title:literal $retry:ident $status:literal $sqlstate:expr, $help:literal;)+) => {
        $(
            #[doc = $title]
            pub const $code: &Code = &Code {
                code: stringify!($code),
                slug: stringify!($slug),
                title: $title,
                retry: $retry,
                status: $status,
                sqlstate: $sqlstate,
                help: $help,
                page: include_str!(concat!("../../../docs/errors/", stringify!($code), ".md")),
            };
        )+

        /// Every code, sorted.
        pub const CODES: &[&Code] = &[$($code),+];
    };
}

pub(crate) use codes;
