//! What a browser is told of a file that somebody uploaded: nothing by which it would run it.

use axum::http::HeaderValue;

/// Media types that are passed on as they were declared; every other is bytes. None of them runs anything.
const SAFE: [&str; 22] = [
    "application/gzip",
    "application/json",
    "application/msword",
    "application/pdf",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/zip",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "image/avif",
    "image/gif",
    "image/heic",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/csv",
    "text/plain",
    "video/mp4",
];

/// `Content-Type`.
pub(super) fn content_type(declared: &str) -> &'static str {
    SAFE.iter().find(|safe| **safe == declared).copied().unwrap_or("application/octet-stream")
}

/// `Content-Disposition`: pictures may be shown, everything else is saved. The name goes in both of the forms of RFC 6266.
pub(super) fn disposition(declared: &str, name: &str) -> HeaderValue {
    let kind = content_type(declared);
    let how = if kind.starts_with("image/") { "inline" } else { "attachment" };
    let plain: String =
        name.chars().map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' }).collect();
    let mut value = format!("{how}; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        name.bytes().for_each(|byte| encode(byte, &mut value));
    }
    HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

/// RFC 8187: what is no `attr-char` goes as `%XX`.
fn encode(byte: u8, into: &mut String) {
    if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
        into.push(char::from(byte));
    } else {
        into.push_str(&format!("%{byte:02X}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place() {
        for (declared, name, expected) in [
            ("image/jpeg", "door.jpg", "inline; filename=\"door.jpg\""),
            ("application/pdf", "my plan.pdf", "attachment; filename=\"my plan.pdf\""),
            ("text/html", "a\";filename=x.exe", "attachment; filename=\"a_;filename=x.exe\"; filename*=UTF-8''a%22%3Bfilename%3Dx.exe"),
            ("image/svg+xml", "żółć.svg", "attachment; filename=\"____.svg\"; filename*=UTF-8''%C5%BC%C3%B3%C5%82%C4%87.svg"),
            (
                "text/plain",
                "a%41\r\nSet-Cookie: x",
                "attachment; filename=\"a_41__Set-Cookie: x\"; filename*=UTF-8''a%2541%0D%0ASet-Cookie%3A%20x",
            ),
        ] {
            assert_eq!(disposition(declared, name), expected, "{name}");
        }
    }

    #[test]
    fn what_could_run_is_bytes() {
        for declared in ["text/html", "image/svg+xml", "application/javascript", "application/xhtml+xml", "text/xml", "IMAGE/PNG"] {
            assert_eq!(content_type(declared), "application/octet-stream", "{declared}");
        }
        assert!(SAFE.is_sorted());
        assert_eq!(content_type("image/png"), "image/png");
    }
}
