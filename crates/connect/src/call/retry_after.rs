//! How long an answer asks to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// Nobody is made to wait longer than this: ten days.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(10 * 86_400);

/// What `Retry-After` says, in full: seconds, or a moment by the provider's own clock where the answer tells it, else by
/// `now`, in seconds since 1970. Of several the longest. Nothing where there is none that can be read.
pub fn retry_after(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let clock = headers.get(DATE).and_then(|value| moment(value.to_str().ok()?)).unwrap_or(now);
    let spans = headers.get_all(RETRY_AFTER).iter().filter_map(|value| span(value.to_str().ok()?.trim(), clock));
    spans.max().map(|span| span.min(RETRY_AFTER_MAX))
}

fn span(text: &str, clock: i64) -> Option<Duration> {
    if let Some(moment) = moment(text) {
        return Some(Duration::from_secs(u64::try_from(moment.saturating_sub(clock)).unwrap_or(0)));
    }
    // Where a line was sent twice, somebody on the way may have made one of the two.
    text.split(',').map(|part| seconds(part.trim())).max().flatten()
}

/// Whole seconds, or with a fraction, which is rounded up; a negative number is now.
fn seconds(text: &str) -> Option<Duration> {
    let figures = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = figures.split_once('.').unwrap_or((figures, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    if text.starts_with('-') {
        return Some(Duration::ZERO);
    }
    // More than can be counted is more than is waited.
    let seconds = whole.parse::<u64>().unwrap_or(u64::MAX);
    let more = part.bytes().any(|byte| byte != b'0');
    Some(Duration::from_secs(seconds.saturating_add(u64::from(more))))
}

fn moment(text: &str) -> Option<i64> {
    let moment: SystemTime = httpdate::parse_http_date(text.trim()).ok()?;
    moment.duration_since(UNIX_EPOCH).ok().and_then(|since| i64::try_from(since.as_secs()).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the moment of the examples of RFC 9110.
    const NOW: i64 = 784_111_777;
    const DAY: u64 = 86_400;

    #[test]
    fn what_is_asked_for_is_granted_in_full_and_nothing_less() {
        type Lines<'a> = &'a [(&'a str, &'a str)];
        let cases: [(Lines<'_>, Option<u64>); 27] = [
            (&[], None),
            (&[("retry-after", "120")], Some(120)),
            (&[("retry-after", "0")], Some(0)),
            (&[("retry-after", " 7 ")], Some(7)),
            (&[("retry-after", "1.2")], Some(2)),
            (&[("retry-after", "3.0")], Some(3)),
            (&[("retry-after", "-5")], Some(0)),
            (&[("retry-after", "864000")], Some(10 * DAY)),
            (&[("retry-after", "864001")], Some(10 * DAY)),
            (&[("retry-after", "99999999999999999999999")], Some(10 * DAY)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT")], Some(60)),
            (&[("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT")], Some(60)),
            (&[("retry-after", "Sun Nov  6 08:50:37 1994")], Some(60)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")], Some(0)),
            (&[("retry-after", "Wed, 16 Nov 1994 08:49:37 GMT")], Some(10 * DAY)),
            (&[("retry-after", "Fri, 18 Nov 1994 08:49:37 GMT")], Some(10 * DAY)),
            (&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(10 * DAY)),
            // The provider's clock is five minutes ahead of ours: by its own it asks for a minute.
            (&[("retry-after", "Sun, 06 Nov 1994 08:55:37 GMT"), ("date", "Sun, 06 Nov 1994 08:54:37 GMT")], Some(60)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), ("date", "yesterday")], Some(60)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "")], None),
            (&[("retry-after", "1e3")], None),
            (&[("retry-after", "0x10")], None),
            (&[("retry-after", "30"), ("retry-after", "90")], Some(90)),
            (&[("retry-after", "90"), ("retry-after", "soon")], Some(90)),
            (&[("retry-after", "30, 90")], Some(90)),
            (&[("retry-after", "90"), ("retry-after", "Sun, 06 Nov 1994 08:51:37 GMT")], Some(120)),
        ];
        for (lines, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().expect("a value"));
            }
            assert_eq!(retry_after(&headers, NOW).map(|span| span.as_secs()), expected, "{lines:?}");
        }
    }
}
