//! Reading an app's folder; the one place of this crate that touches files.

use std::fs;
use std::io;
use std::path::Path;

use crate::finding::{Finding, tidy};
use crate::model::{App, Span};
use crate::read::OTHER_FOLDERS;

/// More files than this are no app folder.
const FILES_MOST: usize = 2_000;

/// One file of an app.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Relative to the app folder, with forward slashes.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// What reading gives.
#[derive(Debug)]
pub struct Loaded {
    /// The app, if no error was found.
    pub app: Option<App>,
    /// What is wrong or doubtful, sorted by place.
    pub findings: Vec<Finding>,
}

/// Reads the app in a folder. Nothing is judged across files: `check` does that.
pub fn load(dir: &Path) -> Loaded {
    if let Some(finding) = no_app(dir) {
        return Loaded { app: None, findings: vec![finding] };
    }
    let (files, mut findings) = sources(dir);
    let mut loaded = crate::read::read(&files);
    if !findings.is_empty() {
        loaded.app = None;
        loaded.findings.append(&mut findings);
        tidy(&mut loaded.findings);
    }
    loaded
}

/// The texts of a folder, sorted by path, and a finding for each file that could not be read.
pub fn sources(dir: &Path) -> (Vec<SourceFile>, Vec<Finding>) {
    let mut files = Vec::new();
    let mut findings = Vec::new();
    gather(dir, "", &mut files, &mut findings);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    (files, findings)
}

/// Why a path is no app's folder, if it is none; told once, instead of as so many files that do not fit.
fn no_app(dir: &Path) -> Option<Finding> {
    let shown = dir.display();
    let (message, help) = match fs::metadata(dir) {
        Ok(there) if !there.is_dir() => (format!("`{shown}` is a file"), "name its folder"),
        Ok(_) if !dir.join("app.yaml").exists() => (
            format!("`{shown}` is no app's folder: there is no `app.yaml`"),
            "name the folder, such as `apps/orders`, or make one with `statehouse init NAME`",
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            (format!("there is no folder `{shown}`"), "name the folder of an app, or make one with `statehouse init NAME`")
        }
        _ => return None,
    };
    // It is about the folder, which has no lines.
    let at = Span { file: shown.to_string().into(), line: 0, column: 0, offset: 0, len: 0 };
    Some(Finding::error("SH3005", &at, message).help(help))
}

fn gather(dir: &Path, prefix: &str, files: &mut Vec<SourceFile>, findings: &mut Vec<Finding>) {
    let entries = match fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => {
            return findings.push(unreadable(if prefix.is_empty() { "." } else { prefix }, &error));
        }
    };
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let other = prefix.is_empty() && OTHER_FOLDERS.contains(&name.as_str());
        if name.starts_with('.') || other || files.len() >= FILES_MOST {
            continue;
        }
        let path = format!("{prefix}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => gather(&entry.path(), &format!("{path}/"), files, findings),
            _ => match fs::read_to_string(entry.path()) {
                Ok(text) => files.push(SourceFile { path, text }),
                // A picture beside the documents is nothing to read; a definition must be text.
                Err(_) if !path.ends_with(".yaml") && !path.ends_with(".json") && !path.ends_with(".csv") => {}
                Err(error) => findings.push(unreadable(&path, &error)),
            },
        }
    }
}

fn unreadable(path: &str, error: &io::Error) -> Finding {
    let at = Span { file: path.into(), line: 1, column: 1, offset: 0, len: 0 };
    let finding = Finding::error("SH3001", &at, format!("`{path}` cannot be read: {error}"));
    finding.help(match error.kind() {
        io::ErrorKind::InvalidData => "save the file as UTF-8",
        _ => "check that the file is there and may be read",
    })
}
