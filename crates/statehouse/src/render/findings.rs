//! Findings under the author's own text, as the Rust compiler draws them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use statehouse_definition::{Finding, Severity, SourceFile};

/// All findings, one after the other, and how many there are.
pub fn draw(findings: &[Finding], sources: &[SourceFile], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for finding in findings {
        text.push_str(&renderer.render(&[group(finding, sources)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'a>(finding: &'a Finding, sources: &'a [SourceFile]) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::NOTE,
    };
    let mut group = level.primary_title(finding.message.as_str()).id(finding.code);
    let group = match sources.iter().find(|source| *source.path == *finding.at.file) {
        Some(source) => {
            let begin = boundary(&source.text, finding.at.offset);
            let end = boundary(&source.text, begin + finding.at.len);
            let annotation = AnnotationKind::Primary.span(begin..end);
            let annotation = if finding.label.is_empty() { annotation } else { annotation.label(finding.label.as_str()) };
            group.element(Snippet::source(source.text.as_str()).path(source.path.as_str()).annotation(annotation))
        }
        // What is said of the folder as a whole stands nowhere in it.
        None if finding.at.line == 0 => Group::with_title(group),
        // A file that could not be read has no text to underline.
        None => {
            group = group.clone();
            group.element(Level::NOTE.message(format!("in {}:{}:{}", finding.at.file, finding.at.line, finding.at.column)))
        }
    };
    let group = finding.notes.iter().fold(group, |group, note| group.element(Level::NOTE.message(note.as_str())));
    let group = match &finding.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    };
    group.element(Level::NOTE.with_name("more").message(format!("statehouse explain {}", finding.code)))
}

/// The nearest place at or before `at` where a character begins.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// `2 errors, 1 warning`; empty when there is none.
pub fn tally(findings: &[Finding]) -> String {
    let words = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Hint, "hint")];
    let parts: Vec<String> = words
        .into_iter()
        .map(|(severity, word)| (findings.iter().filter(|finding| finding.severity == severity).count(), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    parts.join(", ")
}
