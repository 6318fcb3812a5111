//! What is wrong with a definition, and what to type next.

use serde::Serialize;

use crate::model::Span;

/// How much a finding weighs: an error keeps the app from being applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The app cannot be applied.
    Error,
    /// It can be applied, and something is probably not meant.
    Warning,
    /// Worth a look.
    Hint,
}

/// One complaint, with all that is needed to draw it under the author's own text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code, e.g. `SH3012`; its page is `docs/errors/SH3012.md`.
    pub code: &'static str,
    /// Error, warning or hint.
    pub severity: Severity,
    /// One sentence naming the thing in backticks.
    pub message: String,
    /// Where.
    pub at: Span,
    /// Short text under the underline; may be empty.
    pub label: String,
    /// What to type next.
    pub help: Option<String>,
    /// Further lines.
    pub notes: Vec<String>,
}

impl Finding {
    /// An error at a place.
    pub fn error(code: &'static str, at: &Span, message: impl Into<String>) -> Self {
        Finding {
            code,
            severity: Severity::Error,
            message: message.into(),
            at: at.clone(),
            label: under(code).to_owned(),
            help: None,
            notes: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(code: &'static str, at: &Span, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Warning, ..Finding::error(code, at, message) }
    }

    /// A hint at a place.
    pub fn hint(code: &'static str, at: &Span, message: impl Into<String>) -> Self {
        Finding { severity: Severity::Hint, ..Finding::error(code, at, message) }
    }

    /// Adds what to type next.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the short text under the underline.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a line of explanation.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Suggests the name nearest to `wrong`, or lists what is declared, or falls back to `otherwise`.
    pub fn nearest<'n>(self, wrong: &str, names: impl IntoIterator<Item = &'n str>, otherwise: &str) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let help = match nearest(wrong, names.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None if names.is_empty() || names.len() > 12 => otherwise.to_owned(),
            None => format!("declared are {}", quoted_list(names)),
        };
        self.help(help)
    }
}

/// The short text under the underline, which says what is the matter at this very word.
fn under(code: &str) -> &'static str {
    match code {
        "SH3001" => "cannot be read",
        "SH3002" => "not known here",
        "SH3003" => "stands twice",
        "SH3004" => "not part of the language",
        "SH3005" => "something is missing here",
        "SH3006" => "wrong kind of value",
        "SH3007" => "cannot be a name",
        "SH3010" | "SH3025" => "no such field",
        "SH3011" => "no such state",
        "SH3012" => "not declared in app.yaml",
        "SH3013" => "no such entity",
        "SH3014" => "not a verb that fits",
        "SH3016" => "out of reach",
        "SH3017" => "no way out",
        "SH3018" => "leads out of an end",
        "SH3019" => "fired by nobody",
        "SH3020" => "does not see it",
        "SH3021" => "could be forgotten here",
        "SH3022" => "a text is missing",
        "SH3024" => "not allowed",
        "SH3027" => "cannot use an index",
        "SH3028" | "SH3030" | "SH3039" => "comes back to itself",
        "SH3029" => "not true or false",
        "SH3031" => "not declared",
        "SH3032" => "in which currency?",
        "SH3033" => "not a duration",
        "SH3035" => "overlaps",
        "SH3036" => "where from?",
        "SH3040" => "cannot be locked",
        "SH3041" => "cannot be written",
        "SH3042" => "stays empty",
        "SH3043" => "alike",
        "SH3044" => "not used",
        "SH3046" => "not read",
        "SH3050" => "cannot be read",
        "SH3056" => "not known here",
        "SH3058" => "what of the call?",
        "SH3059" | "SH3062" => "does not fit",
        "SH3060" => "cannot move it",
        "SH3061" => "does not fit",
        _ => "",
    }
}

/// Sorts findings by file and place, and takes out what is said twice.
pub fn tidy(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (&a.at.file, a.at.offset, a.severity, a.code, &a.message).cmp(&(&b.at.file, b.at.offset, b.severity, b.code, &b.message))
    });
    findings.dedup();
}

/// Keeps the first `most` findings and says with SH3047 how many are not shown.
pub fn shorten(mut findings: Vec<Finding>, most: usize) -> Vec<Finding> {
    let all = findings.len();
    if all <= most {
        return findings;
    }
    let at = findings[most].at.clone();
    findings.truncate(most);
    findings.push(Finding::error("SH3047", &at, format!("{most} of {all} faults shown")).help("fix the ones shown first, or pass `--all`"));
    findings
}

/// The name most like `wrong`, if one is like enough to be a slip of the pen.
pub fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let most = match wrong.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= most && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// `` `a`, `b`, `c` ``
pub fn quoted_list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    names.join(", ")
}
