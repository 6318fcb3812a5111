//! Pages for people without an account: whole without a script, one style, nothing from elsewhere.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use statehouse_definition::model::{Field, FieldKind, Texts};
use uuid::Uuid;

use super::words::Words;
use crate::{Problem, request};

const STYLE: &str = include_str!("page.css");
/// Languages that are written from right to left.
const LEFTWARD: [&str; 4] = ["ar", "fa", "he", "ur"];

/// One page.
pub(crate) struct Page<'a> {
    /// Its language, as the app names it.
    pub locale: &'a str,
    /// Its heading.
    pub title: &'a str,
    /// Who shows it: the tenant's name; empty where that is not known.
    pub host: &'a str,
    /// HTML.
    pub body: String,
}

impl Page<'_> {
    /// The page as an answer; it is kept nowhere, framed by nobody, and tells no other site its address.
    pub fn answer(&self, status: StatusCode) -> Response {
        let nonce = Uuid::now_v7().simple().to_string();
        let direction = if LEFTWARD.contains(&self.locale.split('-').next().unwrap_or_default()) { "rtl" } else { "ltr" };
        let title = text(self.title);
        let html = format!(
            "<!doctype html>\n<html lang=\"{}\" dir=\"{direction}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n<style nonce=\"{nonce}\">{STYLE}</style>\n</head>\n<body>\n<main>\n<p class=\"host\">{}</p>\n<h1>{title}</h1>\n{}</main>\n</body>\n</html>\n",
            text(self.locale),
            text(self.host),
            self.body
        );
        let policy = format!("default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// A refusal as a page: what a person can do about it, and what to tell whoever is asked.
pub(crate) fn refusal(problem: &Problem, locale: &str) -> Response {
    let words = Words::of(locale);
    let said = words.refusal(problem.code().code).unwrap_or(words.failed);
    let body =
        format!("<p class=\"refused\">{}</p>\n<p class=\"small\">{} · {}</p>\n", text(said), problem.code().code, text(&request::id()));
    Page { locale, title: words.sorry, host: "", body }.answer(problem.status())
}

/// Text as it may stand in HTML, in an attribute too.
pub(crate) fn text(plain: &str) -> String {
    let mut html = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

/// A text in this language, else in the app's first.
pub(crate) fn say<'a>(texts: &'a Texts, locale: &str, otherwise: &'a str) -> &'a str {
    texts.get(locale).or_else(|| texts.values().next()).map_or(otherwise, String::as_str)
}

/// The first language of the browser that the app speaks, else the app's first.
pub(crate) fn locale(parts: &Parts, spoken: &[String]) -> String {
    let found = crate::caller::locale(parts, spoken);
    if found.is_empty() { spoken.first().cloned().unwrap_or_else(|| "en".to_owned()) } else { found }
}

/// What a person fills in for a field, with its label.
pub(crate) fn widget(name: &str, field: &Field, locale: &str, required: bool, value: &str) -> String {
    let label = text(say(&field.label, locale, name));
    let (name, value) = (text(name), text(value));
    let needed = if required { " required" } else { "" };
    let input = |kind: &str| format!("<input name=\"{name}\" type=\"{kind}\" value=\"{value}\"{needed}>");
    let control = match &field.kind {
        FieldKind::Text => {
            format!("<textarea name=\"{name}\" rows=\"3\" maxlength=\"{}\"{needed}>{value}</textarea>", longest(&field.kind))
        }
        FieldKind::Enum(choices) => {
            let option = |choice: &String| {
                let chosen = if *choice == value { " selected" } else { "" };
                format!("<option value=\"{0}\"{chosen}>{1}</option>", text(choice), text(&choice.replace('_', " ")))
            };
            let choices = choices.iter().map(option).collect::<String>();
            format!("<select name=\"{name}\"{needed}><option value=\"\"></option>{choices}</select>")
        }
        FieldKind::Bool => {
            format!("<input name=\"{name}\" type=\"checkbox\" value=\"true\"{}>", if value == "true" { " checked" } else { "" })
        }
        FieldKind::Phone => input("tel"),
        FieldKind::Email => input("email"),
        FieldKind::Date => input("date"),
        _ => input("text"),
    };
    format!("<label><span>{label}</span>{control}</label>\n")
}

/// The most characters of a value that comes from a page or a form.
pub(crate) fn longest(kind: &FieldKind) -> usize {
    match kind {
        FieldKind::Text => 4000,
        FieldKind::Enum(_) => 40,
        FieldKind::Email => 254,
        FieldKind::Phone => 16,
        FieldKind::Timestamp => 40,
        FieldKind::Currency => 3,
        FieldKind::Date => 10,
        _ => 40,
    }
}

/// A header of ours besides.
pub(crate) fn with(mut response: Response, more: HeaderMap) -> Response {
    response.headers_mut().extend(more);
    response
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn nothing_of_a_text_is_html() {
        assert_eq!(text("<b title='x\">&amp;"), "&lt;b title=&#39;x&quot;&gt;&amp;amp;");
    }
}
