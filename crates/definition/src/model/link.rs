//! What people without an account may do: links and forms.

use serde::{Deserialize, Serialize};

use super::{Actor, Duration, Span, Texts, Unit};

/// A purpose of signed links: `accept_quote` lets its holder see one order and fire these verbs on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    /// Where its name is written.
    pub at: Span,
    /// What people call it; the heading of its page.
    pub label: Texts,
    /// The entity whose record it leads to.
    pub entity: String,
    /// The role of its holder, declared `by: link`.
    pub role: String,
    /// Who may make one, of a record they see.
    pub by: Vec<Actor>,
    /// How long it holds at most.
    pub expires: Duration,
    /// How many moves it is good for; `None` leaves that to the verbs.
    pub uses: Option<u32>,
    /// What its holder may fire; the role may be able to more for another purpose.
    pub verbs: Vec<String>,
}

/// A form anybody may fill in: it makes one record and shows none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Form {
    /// Where its name is written.
    pub at: Span,
    /// What people call it; the heading of its page.
    pub label: Texts,
    /// The entity of the record it makes.
    pub entity: String,
    /// The role of whoever fills it in, declared `by: form`.
    pub role: String,
    /// Fields it takes, in the order in which they are asked.
    pub fields: Vec<String>,
    /// A field that people do not see and programs fill in; what comes with it filled is thrown away.
    pub honeypot: String,
    /// How often one address may send it.
    pub limit: Rate,
    /// How often everybody together may send it to one tenant.
    pub cap: Rate,
    /// What is said once it is sent.
    pub thanks: Texts,
}

/// `5 per hour`: so many in one hour of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In one of these: minutes, hours or days; for a connector's limit also seconds.
    pub per: Unit,
}
