//! Sign-in links as a development server shows them, since it sends no mail.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::status::escaped;

/// The youngest are kept.
const MOST: usize = 5;

/// The last sign-in links, by address.
#[derive(Default)]
pub(crate) struct Shown(Mutex<VecDeque<(String, String)>>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

impl Shown {
    /// Prints a link and keeps it for the status page; called where the settings say so, and nowhere else.
    pub(super) fn show(&self, email: &str, link: String) {
        eprintln!("sign-in for {}: {link}", email.escape_debug());
        let mut kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.truncate(MOST - 1);
        kept.push_front((email.to_owned(), link));
    }

    /// The links as part of the status page; nothing where there are none.
    pub(crate) fn page(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.is_empty() {
            return String::new();
        }
        let rows = kept
            .iter()
            .map(|(email, link)| format!("<tr><td>{}</td><td><a href=\"{1}\">sign in</a></td></tr>", escaped(email), escaped(link)));
        format!("<h2>Sign-in links, since this server sends no mail</h2>\n<table><tbody>{}</tbody></table>\n", rows.collect::<String>())
    }
}
