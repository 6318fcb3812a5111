//! Two plain pages for a person.

use crate::handle::SentRow;

/// The controls, in words.
pub(super) const CONTROLS: &[(&str, &str)] = &[
    ("GET /_/sent", "what was sent: texts, recipients, amounts"),
    ("GET /_/log?provider=&after=&effect=", "the log, one JSON value a line"),
    ("PUT /_/faults", "one fault switch, or a list in place of all; GET shows them, DELETE ends them"),
    ("PUT /_/hooks", "where messages go: {provider: {url, secret, …}}"),
    ("POST /_/hook", "let something happen and send its message: {provider, type, with}"),
    ("GET /_/deliveries", "messages that went out, and how far they have come"),
    ("PUT /_/limits", "requests a second: {provider: {per_second, burst, penalty_s}}"),
    ("PUT /_/clock", "hold the clock {at}, move it {advance_ms}, let it run {at: null}"),
    ("POST /_/resume", "let a paused {provider} send again"),
    ("POST /_/forget", "let a {provider} forget its idempotency keys"),
    ("POST /_/reset", "begin anew"),
];

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #8884;vertical-align:top}\
td.text{white-space:pre-wrap}td.amount{text-align:right;white-space:nowrap}code{font-size:.95em}";

fn page(title: &str, inner: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>{inner}</html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What was sent, as a table.
pub(super) fn sent(rows: &[SentRow]) -> String {
    let cells = |row: &SentRow| {
        let sent = &row.sent;
        let amount = sent.amount.map_or_else(String::new, |amount| amount_text(amount, sent.currency.as_deref().unwrap_or_default()));
        format!(
            "<tr><td>{}<td>{}<td>{}<td>{}<td class=\"text\">{}<td class=\"amount\">{}<td><code>{}</code></tr>",
            escaped(row.at.get(..19).unwrap_or(&row.at)),
            escaped(&row.provider),
            escaped(&sent.what),
            escaped(&sent.to),
            escaped(&sent.text),
            escaped(&amount),
            escaped(&sent.id),
        )
    };
    let head = "<tr><th>when<th>provider<th>what<th>to<th>text<th>amount<th>id</tr>";
    let rows: String = rows.iter().map(cells).collect();
    let empty = if rows.is_empty() { "<p>Nothing yet.</p>" } else { "" };
    page("What was sent", &format!("<table>{head}{rows}</table>{empty}"))
}

/// `1250` and `ISK` as `1250 ISK`, and `1250` and `EUR` as `12.50 EUR`.
fn amount_text(amount: i64, currency: &str) -> String {
    let digits = match currency {
        "ISK" | "JPY" | "KRW" | "CLP" | "VND" | "PYG" | "UGX" | "XAF" | "XOF" => 0,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => 3,
        _ => 2,
    };
    let unit = 10_i64.pow(digits);
    match digits {
        0 => format!("{amount} {currency}"),
        digits => format!("{}.{:0width$} {currency}", amount / unit, (amount % unit).abs(), width = digits as usize),
    }
}

/// The stand-ins and the controls, as lists.
pub(super) fn index(bases: &[(&str, &str, String)]) -> String {
    let stand_ins: String =
        bases.iter().map(|(_, about, base)| format!("<tr><td><code>{}</code><td>{}</tr>", escaped(base), escaped(about))).collect();
    let controls: String =
        CONTROLS.iter().map(|(way, about)| format!("<tr><td><code>{}</code><td>{}</tr>", escaped(way), escaped(about))).collect();
    page(
        "Sandbox",
        &format!("<p><a href=\"/_/sent\">What was sent</a></p><table>{stand_ins}</table><h2>Controls</h2><table>{controls}</table>"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_in_their_own_units() {
        assert_eq!(amount_text(1_250, "EUR"), "12.50 EUR");
        assert_eq!(amount_text(1_250, "ISK"), "1250 ISK");
        assert_eq!(amount_text(5, "KWD"), "0.005 KWD");
    }

    #[test]
    fn what_strangers_wrote_stays_text() {
        let row = SentRow {
            n: 1,
            at: String::new(),
            provider: "mail".to_owned(),
            reference: None,
            sent: crate::log::Sent { text: "<script>alert(\"1\")</script>".to_owned(), ..Default::default() },
        };
        let page = sent(&[row]);
        assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)") && !page.contains("<script"), "{page}");
    }
}
