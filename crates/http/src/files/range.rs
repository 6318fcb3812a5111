//! Which bytes of a file are asked for: one range, as RFC 9110 §14 writes it.

/// Bytes from `first` to `last`, both within the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// What a `Range` header asks of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The whole of it: no range, several, or one that cannot be read, which is as none.
    Whole,
    /// A part.
    Part(Range),
    /// A part that the file does not have.
    Beyond,
}

/// Reads the header for a file of `size` bytes, at least one.
pub(super) fn asked(header: Option<&str>, size: u64) -> Asked {
    let Some((first, last)) = header.and_then(|text| text.trim().strip_prefix("bytes=")).and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let end = size.saturating_sub(1);
    match (number(first), number(last)) {
        (Ok(Some(first)), Ok(last)) if last.is_none_or(|last| last >= first) => {
            if first > end {
                Asked::Beyond
            } else {
                Asked::Part(Range { first, last: last.map_or(end, |last| last.min(end)) })
            }
        }
        (Ok(None), Ok(Some(0))) => Asked::Beyond,
        (Ok(None), Ok(Some(tail))) => Asked::Part(Range { first: size.saturating_sub(tail), last: end }),
        _ => Asked::Whole,
    }
}

impl Range {
    /// How many bytes.
    pub(super) fn length(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// Nothing for an empty text; a number beyond all files for one too long to read.
fn number(text: &str) -> Result<Option<u64>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(());
    }
    Ok(Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read() {
        let part = |first, last| Asked::Part(Range { first, last });
        for (header, expected) in [
            ("bytes=0-0", part(0, 0)),
            ("bytes=0-99", part(0, 99)),
            ("bytes=10-", part(10, 99)),
            ("bytes=90-1000", part(90, 99)),
            ("bytes=-1", part(99, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=5-99999999999999999999999", part(5, 99)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=99999999999999999999999-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(asked(Some(header), 100), expected, "{header}");
        }
        assert_eq!(asked(None, 100), Asked::Whole);
    }
}
