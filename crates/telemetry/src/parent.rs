//! The span a request says it is part of: `traceparent` of W3C Trace Context, level 1.

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, trace};

/// `00-<trace, 32>-<span, 16>-<flags, 2>`.
const CHARS: usize = 55;

/// The context to begin a span in: below the named one, or alone where none is named or the name is not sound.
pub(crate) fn context(traceparent: Option<&str>) -> Context {
    let context = Context::new();
    match traceparent.and_then(read) {
        Some(parent) => context.with_remote_span_context(parent),
        None => context,
    }
}

fn read(text: &str) -> Option<trace::SpanContext> {
    let written_so = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != CHARS
        || !text.bytes().enumerate().all(|(at, byte)| if matches!(at, 2 | 35 | 52) { byte == b'-' } else { written_so(byte) })
    {
        return None;
    }
    // A later version begins with the same fields; `ff` is none.
    if &text[..2] == "ff" {
        return None;
    }
    let flags = u8::from_str_radix(&text[53..], 16).ok()?;
    let (trace, span) = (TraceId::from_hex(&text[3..35]).ok()?, SpanId::from_hex(&text[36..52]).ok()?);
    let context = SpanContext::new(trace, span, TraceFlags::new(flags) & TraceFlags::SAMPLED, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard.
    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_is_read() {
        let read = read(GOOD).expect("read");
        assert_eq!(read.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(read.span_id().to_string(), "00f067aa0ba902b7");
        assert!(read.is_sampled() && read.is_remote());
    }

    #[test]
    fn anything_else_is_as_if_it_were_not_there() {
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-0f067aa0ba902b7-01",
        ] {
            assert!(read(bad).is_none(), "{bad}");
            assert!(!context(Some(bad)).span().span_context().is_valid(), "{bad}");
        }
    }
}
