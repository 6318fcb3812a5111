//! What can be wrong with an expression.

use std::ops::Range;

/// One complaint about an expression, with the place inside its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// `SH3023` unreadable, `SH3024` not allowed, `SH3025` unknown to the model.
    pub code: &'static str,
    /// Names the thing, lower case, no full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// First byte within the expression's text.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
}

impl Fault {
    /// The text is not one SQL expression.
    pub(crate) fn unreadable(at: &Range<usize>, message: impl Into<String>) -> Fault {
        Fault::new("SH3023", at, message)
    }

    /// The expression is readable but uses what expressions may not use.
    pub(crate) fn refused(at: &Range<usize>, message: impl Into<String>) -> Fault {
        Fault::new("SH3024", at, message)
    }

    /// A name the model does not know, or knows twice.
    pub(crate) fn unknown(at: &Range<usize>, message: impl Into<String>) -> Fault {
        Fault::new("SH3025", at, message)
    }

    /// Adds the action that mends it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }

    /// Adds the action when there is one to add.
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Fault {
        self.help = help.or(self.help);
        self
    }

    fn new(code: &'static str, at: &Range<usize>, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into(), help: None, offset: at.start, len: at.len() }
    }
}
