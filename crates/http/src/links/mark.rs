//! The mark of a page: what is pressed was shown by us to this browser, for this link.
//!
//! A link has no cookie that other sites could use, and its token is in its address; the mark keeps it so that a page
//! pressed by a program which read the address alone, or framed or copied by another site, moves nothing.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use sha2::{Digest, Sha256};
use statehouse_fault::SH6307;
use uuid::Uuid;

use crate::{Problem, Settings};

const NAME: &str = "statehouse_page";
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A page may stay open so long.
const LASTS_S: u32 = 60 * 60;

/// A word of this browser, and the header that gives it one.
pub(super) struct Marked {
    word: String,
    /// `Set-Cookie`.
    pub headers: HeaderMap,
}

impl Marked {
    /// The browser's own word, else a new one.
    pub fn browser(headers: &HeaderMap, settings: &Settings) -> Marked {
        let word = cookie(headers).unwrap_or_else(|| format!("{}{}", Uuid::now_v7().simple(), random()));
        let secure = if settings.is_https() { "; Secure" } else { "" };
        let set = format!("{NAME}={word}; Path=/l/; HttpOnly; SameSite=Strict; Max-Age={LASTS_S}{secure}");
        let headers = HeaderValue::try_from(set).map(|value| HeaderMap::from_iter([(header::SET_COOKIE, value)])).unwrap_or_default();
        Marked { word, headers }
    }

    /// What stands in the page.
    pub fn of(&self, token: &str) -> String {
        mark(&self.word, token)
    }
}

/// Whether `given` was shown to this browser for this link.
///
/// # Errors
/// `SH6307` where it was not, or another site sent it.
pub(super) fn check(headers: &HeaderMap, token: &str, given: &str) -> Result<(), Problem> {
    let from_elsewhere = headers.get(FETCH_SITE).is_some_and(|site| site != "same-origin");
    let shown = cookie(headers).is_some_and(|word| mark(&word, token) == given);
    if from_elsewhere || !shown {
        return Err(Problem::new(SH6307, "this was not sent from the page itself, or the page is too old"));
    }
    Ok(())
}

fn mark(word: &str, token: &str) -> String {
    Sha256::digest(format!("statehouse page {word} {token}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The version 7 of an id tells its time; the rest of it and this are random.
fn random() -> String {
    Uuid::now_v7().simple().to_string()[13..].to_owned()
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, word) = pairs.find(|(name, _)| *name == NAME)?;
    (word.len() >= 32 && word.len() <= 80 && word.bytes().all(|b| b.is_ascii_hexdigit())).then(|| word.to_owned())
}
