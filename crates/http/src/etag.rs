//! A record's version as HTTP says it: `"v7"`.

use axum::http::{HeaderMap, HeaderValue, header};
use statehouse_fault::{SH6010, SH6011};

use crate::Problem;

/// The strong tag of a version.
pub(crate) fn of_version(version: i32) -> HeaderValue {
    HeaderValue::try_from(format!("\"v{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"v0\""))
}

/// The version the caller has seen, from `If-Match`; nothing where it is absent or `*`, which any version fits.
///
/// # Errors
/// `SH6010` for a header that is not one tag of ours: a weak tag or a list says nothing about one version.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<i32>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let unreadable = || Problem::new(SH6010, "`if-match` is not one tag such as `\"v7\"`").with_help("send the record's `etag` as it came");
    version(text).ok_or_else(unreadable).map(Some)
}

/// As [`if_match`], where there has to be one.
///
/// # Errors
/// `SH6011` without the header or with `*`, else as [`if_match`].
pub(crate) fn must_match(headers: &HeaderMap) -> Result<i32, Problem> {
    if_match(headers)?.ok_or_else(|| Problem::new(SH6011, "changing a record takes `if-match` with the version you have seen"))
}

/// Whether the caller has this version already, by `If-None-Match`; then the answer is 304.
pub(crate) fn is_unchanged(headers: &HeaderMap, now: i32) -> bool {
    let given = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(',').map(str::trim).any(|tag| tag == "*" || version(tag.trim_start_matches("W/")) == Some(now))
}

fn version(tag: &str) -> Option<i32> {
    let digits = tag.strip_prefix("\"v")?.strip_suffix('"')?;
    // `+7` and `007` are numbers to Rust and no tags of ours.
    let plain = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, text: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(text).expect("a header"))])
    }

    #[test]
    fn a_tag_is_ours_or_it_is_refused() {
        for (text, expected) in [("\"v7\"", Some(7)), ("*", None), ("\"v2147483647\"", Some(i32::MAX))] {
            assert_eq!(if_match(&with(header::IF_MATCH, text)).expect(text), expected, "{text}");
        }
        for text in ["v7", "\"7\"", "W/\"v7\"", "\"v7\", \"v8\"", "\"v07\"", "\"v+7\"", "\"v2147483648\"", "", "\"v\""] {
            assert_eq!(if_match(&with(header::IF_MATCH, text)).expect_err(text).code().code, "SH6010", "{text}");
        }
        assert_eq!(must_match(&HeaderMap::new()).expect_err("absent").code().code, "SH6011");
    }

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        for text in ["\"v3\"", "W/\"v3\"", "\"v1\", \"v3\"", "*"] {
            assert!(is_unchanged(&with(header::IF_NONE_MATCH, text), 3), "{text}");
        }
        for text in ["\"v4\"", "\"x\"", ""] {
            assert!(!is_unchanged(&with(header::IF_NONE_MATCH, text), 3), "{text}");
        }
    }

    #[test]
    fn a_tag_comes_back_as_it_went() {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, of_version(12))]);
        assert_eq!(must_match(&headers).expect("ours"), 12);
    }
}
