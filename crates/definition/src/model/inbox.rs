//! Messages from the outside: who may send them, and which move each becomes.

use serde::{Deserialize, Serialize};

use super::{Duration, Named, Pattern, Span, Texts};

/// A source of messages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inbox {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// How a message is shown to be its sender's own: the name of a scheme of `connect`.
    pub scheme: String,
    /// Names of secrets, tried in order.
    pub secrets: Vec<String>,
    /// Dotted path to a list in the body whose items are messages of their own; each is `item` in the patterns.
    pub items: Option<String>,
    /// What makes a message the same message; holes are `body`, `header`, `query` and `item`.
    pub id: Pattern,
    /// Its type, stored with it; holes as in `id`.
    pub kind: Pattern,
    /// Must equal the endpoint's account; holes as in `id`.
    pub account: Option<Pattern>,
    /// What `object` is in mappings where nothing is fetched, one hole; `{body}` or `{item}` unless the file says otherwise.
    pub object: Pattern,
    /// Asked for before anything moves, where the message itself proves nothing.
    pub fetch: Option<Fetch>,
    /// What `object` is after a fetch: one hole, which begins with `answer`, the answer's body.
    #[serde(default = "answer")]
    pub fetched: Pattern,
    /// The type by which `messages` and `ignore` are looked up, where the object decides it; holes also `object` and `type`.
    pub meaning: Option<Pattern>,
    /// Types that are stored and mean nothing here: one whose type is among them is put away before anything is fetched, one
    /// whose meaning is, after it.
    pub ignore: Vec<String>,
    /// Type → the move it becomes.
    pub messages: Named<Mapping>,
    /// How lost messages are found.
    pub reconcile: Option<Reconcile>,
}

fn answer() -> Pattern {
    Pattern::hole("answer")
}

fn item() -> Pattern {
    Pattern::hole("item")
}

/// A GET action of a connector and its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Fetch {
    /// Where it is written.
    pub at: Span,
    /// The connector.
    pub connector: String,
    /// The action.
    pub action: String,
    /// Arguments.
    pub args: Named<Pattern>,
}

/// The move a type of message becomes; holes are `object`, `body`, `header`, `query`, `item`, `type` and `id`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mapping {
    /// Where the type is written.
    pub at: Span,
    /// Whose record.
    pub entity: String,
    /// By which unique field the record is found, `reference` and `id` among them.
    pub find: (String, Pattern),
    /// The verb.
    pub verb: String,
    /// Inputs of the verb; one without a value is left out.
    pub input: Named<Pattern>,
    /// How long it waits for its record, or for a state that lets it move.
    pub wait: Duration,
    /// What becomes of it once it can no longer move the record.
    pub late: Late,
}

/// What becomes of a message that comes too late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Late {
    /// It waits in the queue of late ones for a person.
    #[default]
    Queue,
    /// It is put away.
    Ignore,
}

/// A list that is asked for regularly; each of its items becomes a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reconcile {
    /// Where it is written.
    pub at: Span,
    /// How often.
    pub every: Duration,
    /// The GET that lists; its arguments' holes are `since`, `now` and, of a list that comes in pages, `page`.
    pub list: Fetch,
    /// How the rest of a list is asked for; none: all of it is in one answer.
    #[serde(default)]
    pub pages: Option<Pages>,
    /// `since` lies this far before the last good poll, so that what was written late is seen.
    pub window: Duration,
    /// Dotted path to the list in the answer; empty: the answer is the list.
    pub items: String,
    /// What makes an item the same message; holes are `item`.
    pub id: Pattern,
    /// Its type, which is its meaning; holes are `item`.
    pub kind: Pattern,
    /// What `object` is in its mapping: one hole, which begins with `item`.
    #[serde(default = "item")]
    pub object: Pattern,
}

/// How a list is read that comes in pages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pages {
    /// Where it is written.
    pub at: Span,
    /// What `page` is in the arguments of the list.
    pub next: Next,
    /// Whether there is another page: one hole, which begins with `answer`.
    pub more: Option<Pattern>,
    /// How many items there are in all: one hole, which begins with `answer`.
    pub total: Option<Pattern>,
}

/// What tells one page from another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Next {
    /// The number of items before it.
    Offset,
    /// Its number.
    Number {
        /// Of the first page.
        first: u32,
    },
    /// What the page before says: one hole, which begins with `last`, the last item of it, or with `answer`. The first has none.
    Said(Pattern),
}
