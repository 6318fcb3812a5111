//! What a stand-in makes of a request.

use serde_json::Value;

use crate::hooks::Notice;
use crate::ids::Ids;
use crate::log::{Kept, Put, Sent};
use crate::moment::Moment;
use crate::shelf::Shelf;

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Sent as JSON; a text is sent as it is, null as nothing.
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: u16, body: Value) -> Reply {
        Reply { status, headers: Vec::new(), body }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }
}

/// What a request came to.
#[derive(Debug)]
pub(crate) struct Deed {
    pub(crate) reply: Reply,
    pub(crate) reference: Option<String>,
    pub(crate) effect: bool,
    pub(crate) sent: Option<Sent>,
    pub(crate) put: Vec<Put>,
    /// The key under which the answer is kept.
    pub(crate) keep: Option<String>,
    pub(crate) notices: Vec<Notice>,
}

impl Deed {
    /// Nothing but an answer: a refusal, a look-up, an answer given again.
    pub(crate) fn answer(reply: Reply) -> Deed {
        Deed { reply, reference: None, effect: false, sent: None, put: Vec::new(), keep: None, notices: Vec::new() }
    }

    /// Something new happened.
    pub(crate) fn done(reply: Reply, sent: Sent) -> Deed {
        Deed { effect: true, sent: Some(sent), ..Deed::answer(reply) }
    }

    pub(crate) fn about(self, reference: Option<String>) -> Deed {
        Deed { reference, ..self }
    }

    /// The answer is given again to whoever comes with the same key.
    pub(crate) fn kept(self, key: Option<String>) -> Deed {
        Deed { keep: key, ..self }
    }

    /// With an object as it stands now, and the words by which lists find it.
    pub(crate) fn put(mut self, kind: &str, id: &str, words: &[&str], value: Value) -> Deed {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        self.put.push(Put { kind: kind.to_owned(), id: id.to_owned(), words, value });
        self
    }

    /// With a message to the caller's address.
    pub(crate) fn tell(mut self, notice: Notice) -> Deed {
        self.notices.push(notice);
        self
    }
}

/// What a stand-in sees while it judges a request.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) shelf: &'a Shelf,
    pub(crate) ids: Ids,
    pub(crate) at: Moment,
}

/// Whether a key was seen before.
#[derive(Debug)]
pub(crate) enum Again<'a> {
    /// No.
    New,
    /// With the same request; this was the answer.
    Same(&'a Kept),
    /// With another request.
    Other,
}

impl View<'_> {
    /// Looks a key up; `print` is that of the request at hand.
    pub(crate) fn again(&self, key: &str, print: &str) -> Again<'_> {
        match self.shelf.kept(key) {
            None => Again::New,
            Some(kept) if kept.print == print => Again::Same(kept),
            Some(_) => Again::Other,
        }
    }
}
