//! The typed model of an app: what a folder of definitions means once it has been read and checked.
//!
//! Every map keeps the order of the file, because the order of fields is the order of columns and the order of
//! verbs is the order in which a person reads them. Every expression carries the place it was written, so that a
//! complaint from Postgres can be shown under the author's own text.

mod access;
mod call;
mod connector;
mod entity;
mod inbox;
mod link;
mod pattern;
mod price;
mod schedule;
mod state;
mod transition;

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::places::Places;

pub use access::*;
pub use call::*;
pub use connector::*;
pub use entity::*;
pub use inbox::*;
pub use link::*;
pub use pattern::*;
pub use price::*;
pub use schedule::*;
pub use state::*;
pub use transition::*;

/// A map keyed by name, in the order of the file.
pub type Named<T> = IndexMap<String, T>;

/// A text per locale, e.g. `en` → "Add at least one line".
pub type Texts = IndexMap<String, String>;
/// Where something was written: file relative to the app folder, 1-based line and column, byte range in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Path relative to the app folder, with forward slashes.
    pub file: Arc<str>,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// Byte offset of the first character in the file.
    pub offset: usize,
    /// Length in bytes of the text as written (quotes excluded).
    pub len: usize,
}

/// One SQL expression as the author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expr {
    /// The author's text; never emitted: only its printed syntax tree is.
    pub text: String,
    /// Where it was written.
    pub at: Span,
}

/// A whole app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct App {
    /// Identifier; also the name of its Postgres schema.
    pub name: String,
    /// What people call it.
    pub label: Texts,
    /// Declared locales; the first is the fallback.
    pub locales: Vec<String>,
    /// ISO 4217 code used where a record names no currency of its own.
    pub currency: String,
    /// IANA name, e.g. `Atlantic/Reykjavik`.
    pub time_zone: String,
    /// Capability keys with their labels.
    pub capabilities: Named<Texts>,
    /// Roles: presets of capabilities.
    pub roles: Named<Role>,
    /// Named sets of record ids that row rules may use: `client = any(my_clients())`.
    pub sets: Named<IdSet>,
    /// Entities by name.
    pub entities: Named<Entity>,
    /// Rule tables by name.
    pub tables: Named<RuleTable>,
    /// Line calculators by name.
    pub calculators: Named<Calculator>,
    /// Connectors by name; `do` names `connector.action`.
    pub connectors: Named<Connector>,
    /// Purposes of signed links by name: what a person without an account may do to one record.
    #[serde(default)]
    pub links: Named<Link>,
    /// Forms anybody may fill in, by name.
    #[serde(default)]
    pub forms: Named<Form>,
    /// Sources of messages by name.
    #[serde(default)]
    pub inboxes: Named<Inbox>,
    /// Moves owed by the calendar, by name.
    #[serde(default)]
    pub schedules: Named<Schedule>,
    /// Working days by name.
    #[serde(default)]
    pub calendars: Named<Calendar>,
    /// Where every key and value of the files stands; empty in an app read back from the database.
    #[serde(skip)]
    pub places: Places,
}

/// Capabilities of the engine itself, known in every app without being declared there.
pub const ENGINE_CAPABILITIES: [&str; 7] =
    ["members.manage", "keys.manage", "rules.edit", "outside.manage", "tenant.export", "tenant.erase", "tenant.suspend"];

impl App {
    /// Whether there is such a capability: one of the app's own or of the engine's.
    pub fn has_capability(&self, name: &str) -> bool {
        self.capabilities.contains_key(name) || ENGINE_CAPABILITIES.contains(&name)
    }
}

/// A role: a preset of capabilities, one schema of views.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// What people call it.
    pub label: Texts,
    /// Capabilities every holder has unless revoked.
    pub capabilities: Vec<String>,
    /// How somebody comes to hold it.
    #[serde(default)]
    pub by: Through,
}

/// How somebody comes to hold a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Through {
    /// By membership: a person with an account.
    #[default]
    Membership,
    /// `by: link`: whoever holds a signed link to one record.
    Link,
    /// `by: form`: anybody, for as long as one form takes.
    Form,
}

/// A set of ids of one entity that belongs to the actor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdSet {
    /// The entity whose ids these are.
    pub of: String,
    /// Boolean over that entity's fields; may use `actor()`.
    pub that: Expr,
}
