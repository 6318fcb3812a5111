//! Sessions of people in a browser: a cookie that no script reads, and a word against requests that another site sends.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use sha2::{Digest, Sha256};
use statehouse_fault::{SH2002, SH6606};

use crate::{Problem, Settings, Shared};

const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// As long as the longest session of a person.
const MAX_AGE_S: u32 = 7 * 24 * 60 * 60;

/// The header that gives a browser its session. Over https the name's prefix makes the browser hold it to this host, to
/// `/` and to https.
pub fn opened(settings: &Settings, token: &str) -> HeaderMap {
    set(settings, token, MAX_AGE_S)
}

/// The header that takes it away.
pub fn closed(settings: &Settings) -> HeaderMap {
    set(settings, "", 0)
}

/// The word that goes with a session: told in the answer to signing in and sent back as `x-csrf-token` with everything
/// that changes something. Another site can make a browser send the cookie, but can neither read nor make this.
pub fn csrf_of(token: &str) -> String {
    Sha256::digest(format!("statehouse csrf {token}")).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The session token of the request's cookie, if it has one.
///
/// # Errors
/// `SH6606` where the request changes something and does not prove that it was sent by our own pages.
pub(super) fn read(parts: &Parts, shared: &Shared) -> Result<Option<String>, Problem> {
    let Some(token) = token(&parts.headers, name(&shared.settings)) else { return Ok(None) };
    let token = token.map_err(|()| Problem::new(SH2002, "the cookie stands twice"))?;
    if !matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        let given = parts.headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let from_elsewhere = parts.headers.get(FETCH_SITE).is_some_and(|site| site == "cross-site");
        if from_elsewhere || !same(given.as_bytes(), csrf_of(&token).as_bytes()) {
            return Err(Problem::new(SH6606, "`x-csrf-token` is not the one of this session"));
        }
    }
    Ok(Some(token))
}

fn name(settings: &Settings) -> &'static str {
    if settings.is_https() { "__Host-statehouse" } else { "statehouse" }
}

fn set(settings: &Settings, token: &str, max_age_s: u32) -> HeaderMap {
    let secure = if settings.is_https() { "; Secure" } else { "" };
    let text = format!("{}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}", name(settings));
    // A token is hexadecimal; what cannot stand in a header is no token.
    HeaderValue::try_from(text).map(|value| HeaderMap::from_iter([(header::SET_COOKIE, value)])).unwrap_or_default()
}

/// The cookie's value; an error where it stands twice, since a neighbouring host may have set the other.
fn token(headers: &HeaderMap, name: &str) -> Option<Result<String, ()>> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value.to_owned());
    let first = found.next()?;
    Some(if found.next().is_some() { Err(()) } else { Ok(first) })
}

/// Compares without telling by its time where the two differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_https_the_browser_is_told_to_hold_it_tight() {
        let secure = Settings { public_url: "https://api.example.org".into(), ..Settings::default() };
        let set = opened(&secure, "abc");
        assert_eq!(set[header::SET_COOKIE], "__Host-statehouse=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800; Secure");
        assert_eq!(closed(&Settings::default())[header::SET_COOKIE], "statehouse=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn a_cookie_is_found_among_others_and_never_twice() {
        let read = |lines: &[&'static str]| {
            let headers = lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect();
            token(&headers, "statehouse")
        };
        assert_eq!(read(&["a=b; statehouse=abc; c=d"]), Some(Ok("abc".into())));
        assert_eq!(read(&["xstatehouse=abc", "statehouse="]), None);
        assert_eq!(read(&["statehouse=abc; statehouse=def"]), Some(Err(())));
        assert_eq!(read(&["statehouse=abc", "statehouse=abc"]), Some(Err(())));
    }
}
