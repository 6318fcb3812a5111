//! A form as a page: whole without a script.

use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::read::{KEY, Sent};
use super::send::Asked;
use crate::Problem;
use crate::links::page::{Page, say, text, widget};
use crate::links::words::Words;

impl Asked<'_> {
    /// The form, empty or as it was sent, below what is wrong with it.
    pub(super) fn page(&self, host: &str, locale: &str, sent: Option<&Sent>, problem: Option<&Problem>) -> Response {
        let words = Words::of(locale);
        let mut body = problem.map(|problem| self.wrong(problem, locale)).unwrap_or_default();
        body.push_str(&format!("<form method=\"post\" action=\"/f/{}/{}\">\n", text(self.tenant), text(self.name)));
        // The same key when it is sent again: what was told nothing and pressed twice is one record.
        let key = sent.and_then(|sent| sent.key.clone()).unwrap_or_else(|| Uuid::now_v7().to_string());
        body.push_str(&format!("<input type=\"hidden\" name=\"{KEY}\" value=\"{}\">\n", text(&key)));
        for name in &self.form.fields {
            if let Some(field) = self.entity.fields.get(name) {
                let value = sent.and_then(|sent| sent.text(name)).unwrap_or_default();
                body.push_str(&widget(name, field, locale, field.required && field.default.is_none(), &value));
            }
        }
        body.push_str(&format!(
            "<div class=\"other\" aria-hidden=\"true\"><label>{}<input name=\"{}\" tabindex=\"-1\" autocomplete=\"off\"></label></div>\n<button>{}</button>\n</form>\n",
            text(words.leave_empty),
            text(&self.form.honeypot),
            text(words.send)
        ));
        let status = problem.map_or(StatusCode::OK, Problem::status);
        Page { locale, title: say(&self.form.label, locale, self.name), host, body }.answer(status)
    }

    /// What is said once it is sent.
    pub(super) fn sent(&self, host: &str, locale: &str) -> Response {
        let body = format!("<p class=\"done\">{}</p>\n", text(self.thanks(locale)));
        Page { locale, title: say(&self.form.label, locale, self.name), host, body }.answer(StatusCode::ACCEPTED)
    }

    /// The app's own words, else ours.
    pub(super) fn thanks(&self, locale: &str) -> &str {
        say(&self.form.thanks, locale, Words::of(locale).thanks)
    }

    fn wrong(&self, problem: &Problem, locale: &str) -> String {
        let words = Words::of(locale);
        let fields: Vec<&str> = problem.pointers().filter_map(|pointer| pointer.strip_prefix('/')).collect();
        let labels = fields.iter().filter_map(|name| Some(say(&self.entity.fields.get(*name)?.label, locale, name)));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let guards = problem.guards().join("; ");
        let said = match (words.refusal(problem.code().code), labels.is_empty(), guards.is_empty()) {
            (Some(said), ..) => said.to_owned(),
            (None, false, _) => format!("{}: {labels}", words.correct),
            (None, true, false) => guards,
            (None, true, true) => words.failed.to_owned(),
        };
        format!("<p class=\"refused\">{}</p>\n", text(&said))
    }
}
