//! Everything that is drawn for a person.

mod findings;
mod proposal;

use std::path::Path;

use serde_json::json;
use statehouse_definition::{Finding, Severity};
use statehouse_fault::Code;

pub use findings::tally;
pub use proposal::proposal;

use crate::cx::Cx;
use crate::failure::{Exit, Failure};

/// So many findings are shown unless all are asked for.
pub const SHOWN_MOST: usize = 20;

/// Draws findings on standard error, or prints them as JSON.
pub fn findings(dir: &Path, findings: &[Finding], cx: &Cx) {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let body = json!({
        "errors": count(Severity::Error), "warnings": count(Severity::Warning), "hints": count(Severity::Hint), "findings": findings,
    });
    if !cx.print_json(&body) && !findings.is_empty() {
        eprint!("{}", findings::draw(findings, &crate::folder::texts(dir), cx.color));
    }
}

/// The failure of a command that was given a definition with errors, which are drawn first.
pub fn refused_definition(dir: &Path, found: &[Finding], cx: &Cx) -> Failure {
    if let [only] = found
        && only.at.line == 0
    {
        // It is about the folder: there is no text to draw it on, and nothing else to say.
        let code = Code::find(only.code).unwrap_or(statehouse_fault::SH9001);
        let fault = statehouse_fault::Fault::new(code, only.message.clone());
        return only.help.iter().fold(fault, |fault, help| fault.with_help(help)).into();
    }
    findings(dir, found, cx);
    let first = found.iter().find(|finding| finding.severity == Severity::Error);
    let code = first.and_then(|finding| Code::find(finding.code)).unwrap_or(statehouse_fault::SH9001);
    let mut failure = Failure::new(code, format!("the definition has {}", tally(found)));
    failure.fault.help = format!("correct it and see `statehouse check {}`", dir.display());
    failure.shown = cx.json;
    failure
}

/// Shows how a command failed: the body as JSON, or a few lines on standard error.
pub fn failure(failure: &Failure, cx: &Cx) {
    if failure.shown || cx.print_json(&failure.fault) {
        return;
    }
    let fault = &failure.fault;
    let (red, bold, plain) = if cx.color { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
    eprintln!("{red}error[{}]{plain}{bold}: {}{plain}", fault.code, fault.detail);
    for refused in &fault.refused_by {
        eprintln!("  = {}: {}", refused.guard, refused.message);
    }
    for cause in &failure.causes {
        eprintln!("  = cause: {}", cause.replace('\n', "\n           "));
    }
    eprintln!("  = help: {}", fault.help);
    eprintln!("  = more: statehouse explain {}", fault.code);
}

/// Prints the page of a code.
///
/// # Errors
/// When there is no such code.
pub fn page(code: &str, cx: &Cx) -> Result<Exit, Failure> {
    let found = statehouse_fault::Code::find(code).ok_or_else(|| Failure::usage(format!("there is no code `{code}`")))?;
    let body = serde_json::json!({ "code": found.code, "title": found.title, "page": found.page });
    if !cx.print_json(&body) {
        say!("{}", found.page);
    }
    Ok(Exit::Fine)
}
