//! A list that comes in pages: which one is asked for next, and whether the list was read to its end. It stores nothing and
//! asks nobody.
//!
//! A list may change while it is read. What is new at its front moves the rest back, and some of it is seen twice, which
//! does no harm. What leaves it in front of the reader moves the rest forward, past the reader: that is noticed, and the
//! reading begins anew.

use serde_json::{Value, json};
use statehouse_connect::pattern::{self, Missing, Scope};
use statehouse_definition::model::{Next, Pages, Pattern};

/// How often one reading begins anew before it is given up.
const ANEW_MAX: u64 = 3;
/// Pages of one reading.
const PAGES_MAX: u64 = 10_000;
/// The longest name of a page, and the longest key that is kept, in bytes.
const NAME_MAX: usize = 2_000;

/// Where the reading of a list goes on; by default with its first page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// What the page before said.
    said: Option<Value>,
    /// Items that lie before the page.
    read: u64,
    /// Pages that lie before it.
    pages: u64,
    /// The key of the last item before it.
    last: Option<String>,
    /// How many there were said to be in all.
    total: Option<u64>,
    /// How often the reading has begun anew.
    anew: u64,
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: the list was read to its end.
    End,
    /// Another page.
    On(Place),
    /// The pages do not lead to the end of the list, for this reason.
    Lost(&'static str),
}

/// A page that was read.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    /// The whole answer.
    pub answer: &'a Value,
    /// Its items.
    pub items: &'a [Value],
    /// What makes each of them the same message; none where that cannot be said.
    pub keys: &'a [Option<String>],
}

impl Place {
    /// A place as it was stored; the first page where it is none of this kind.
    pub fn of(next: &Next, stored: Option<&Value>) -> Place {
        let Some(stored) = stored.filter(|stored| stored["by"] == kind(next)) else { return Place::default() };
        let number = |key: &str| stored[key].as_u64().unwrap_or_default();
        Place {
            said: Some(stored["said"].clone()).filter(|said| !said.is_null()),
            read: number("read"),
            pages: number("pages"),
            last: stored["last"].as_str().map(str::to_owned),
            total: stored["total"].as_u64(),
            anew: number("anew"),
        }
    }

    /// As it is stored; nothing for the first page of a reading that never went further.
    pub fn stored(&self, next: &Next) -> Option<Value> {
        let Place { said, read, pages, last, total, anew } = self;
        let stored = json!({ "by": kind(next), "said": said, "read": read, "pages": pages, "last": last, "total": total, "anew": anew });
        (*self != Place::default()).then_some(stored)
    }

    /// What `page` is in the request; nothing for the first page where the page before says it.
    pub fn asks(&self, next: &Next) -> Option<Value> {
        match next {
            Next::Offset => Some(self.read.saturating_sub(u64::from(self.last.is_some())).into()),
            Next::Number { first } => Some((u64::from(*first) + self.pages).into()),
            Next::Said(_) => self.said.clone(),
        }
    }

    /// What comes after this page.
    pub fn then(&self, pages: &Pages, page: Page<'_>) -> Then {
        if self.pages >= PAGES_MAX {
            return Then::Lost("it has no end");
        }
        match &pages.next {
            Next::Offset => self.by_offset(pages, page),
            Next::Number { .. } => self.by_number(pages, page),
            Next::Said(next) => self.by_word(pages, next, page),
        }
    }

    /// Each page begins with the last item of the one before. Where that item is not in it, something before it is gone.
    fn by_offset(&self, pages: &Pages, page: Page<'_>) -> Then {
        let known = match &self.last {
            None => 0,
            Some(last) => match page.keys.iter().position(|key| key.as_ref() == Some(last)) {
                Some(at) => at + 1,
                None => return self.anew("it changed each time it was read"),
            },
        };
        let read = self.read + length(page) - u64::from(self.last.is_some());
        match (page.items.len() > known, more(pages, page.answer, read)) {
            (_, Err(why)) => Then::Lost(why),
            (_, Ok(Some(false))) => Then::End,
            (true, Ok(_)) => Then::On(self.on(page, read)),
            // Nothing, or that one item: the end. More than it, and all of it known: the page that was there before.
            (false, Ok(None)) if known <= 1 => Then::End,
            (false, Ok(_)) => self.anew("a page came again"),
        }
    }

    fn by_number(&self, pages: &Pages, page: Page<'_>) -> Then {
        let total = match pages.total.as_ref().map(|_| total(pages, page.answer)).transpose() {
            Ok(total) => total,
            Err(why) => return Then::Lost(why),
        };
        if self.total > total && total.is_some() {
            return self.anew("it changed each time it was read");
        }
        let read = self.read + length(page);
        let again = self.last.is_some() && page.keys.last() == Some(&self.last);
        match more(pages, page.answer, read) {
            Err(why) => Then::Lost(why),
            Ok(Some(false)) => Then::End,
            Ok(None) if page.items.is_empty() => Then::End,
            Ok(_) if page.items.is_empty() => self.anew("a page is empty, and there is said to be more"),
            Ok(_) if again => self.anew("a page came again"),
            Ok(_) => Then::On(Place { total, ..self.on(page, read) }),
        }
    }

    fn by_word(&self, pages: &Pages, next: &Pattern, page: Page<'_>) -> Then {
        let more = match more(pages, page.answer, 0) {
            Ok(Some(false)) => return Then::End,
            Ok(more) => more,
            Err(why) => return Then::Lost(why),
        };
        let mut scope = Scope::new().with("answer", page.answer);
        if let Some(last) = page.items.last() {
            scope = scope.with("last", last);
        }
        let said = match pattern::render(next, &scope) {
            Ok(Value::String(said)) if keeps(&said) => Value::String(said),
            Ok(said @ Value::Number(_)) => said,
            Err(Missing::Absent(_)) if more.is_none() => return Then::End,
            Err(Missing::Absent(_)) => return Then::Lost("there is said to be more, and nothing says where"),
            _ => return Then::Lost("what says where it goes on is no name of a page"),
        };
        if self.said.as_ref() == Some(&said) {
            return self.anew("a page came again");
        }
        Then::On(Place { said: Some(said), ..self.on(page, self.read + length(page)) })
    }

    /// The place behind this page.
    fn on(&self, page: Page<'_>, read: u64) -> Place {
        let last = page.keys.last().cloned().flatten().filter(|key| keeps(key));
        Place { said: None, read, pages: self.pages + 1, last, total: None, anew: self.anew }
    }

    fn anew(&self, why: &'static str) -> Then {
        if self.anew >= ANEW_MAX { Then::Lost(why) } else { Then::On(Place { anew: self.anew + 1, ..Place::default() }) }
    }
}

fn kind(next: &Next) -> &'static str {
    match next {
        Next::Offset => "offset",
        Next::Number { .. } => "number",
        Next::Said(_) => "said",
    }
}

/// Whether the database keeps it as it is, and in little room.
fn keeps(text: &str) -> bool {
    text.len() <= NAME_MAX && !text.chars().any(char::is_control)
}

fn length(page: Page<'_>) -> u64 {
    u64::try_from(page.items.len()).unwrap_or(u64::MAX)
}

/// Whether there is more, of which so many items were read; nothing where nobody says so.
fn more(pages: &Pages, answer: &Value, read: u64) -> Result<Option<bool>, &'static str> {
    match (&pages.more, &pages.total) {
        (Some(more), _) => match pattern::text(more, &Scope::new().with("answer", answer)).as_deref() {
            Ok("true") => Ok(Some(true)),
            Ok("false") => Ok(Some(false)),
            // Whoever takes silence for the end reads one page for ever, and nobody notices.
            _ => Err("nothing says whether there is more, where `more` points"),
        },
        (None, Some(_)) => total(pages, answer).map(|total| Some(read < total)),
        (None, None) => Ok(None),
    }
}

fn total(pages: &Pages, answer: &Value) -> Result<u64, &'static str> {
    let told = pages.total.as_ref().and_then(|total| pattern::text(total, &Scope::new().with("answer", answer)).ok());
    told.and_then(|total| total.parse().ok()).ok_or("nothing says how many there are, where `total` points")
}

#[cfg(test)]
mod tests;
