//! Every way a definition can be wrong has a small bad file here, with what is expected of it written by hand.
//!
//! A file begins with `# expect: [warning|hint] CODE [FILE:]LINE:COLUMN MESSAGE | HELP`, one line a finding. It stands
//! for `entities/order.yaml` of a small sound app, or is cut into several files by `# file: PATH` lines.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use statehouse_definition::{Finding, Severity, SourceFile, check, read, shorten, tidy};

const APP: &str = "\
app: shop
locales: [en, pl]
currency: EUR
time_zone: UTC
roles: { rep: {}, admin: {} }
";

const ORDER: &str = "\
entity: order
fields:
  rep: { type: member, required: true }
states:
  open: { initial: true, owner: rep, may_wait: forever }
  done: { final: true }
transitions:
  finish: { from: open, to: done, by: [rep] }
access:
  admin: { see: all, create: true, edit: all }
  rep: { see: \"rep = actor()\" }
";

/// Codes that a pure check cannot give: types and what is owed are Postgres's business, and the last one is about the list itself.
const ELSEWHERE: [&str; 3] = ["SH3026", "SH3063", "SH3047"];

struct Case {
    name: String,
    expected: Vec<String>,
    files: Vec<SourceFile>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

fn cases() -> Vec<Case> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| case(path)).collect()
}

fn case(path: &Path) -> Case {
    let text = fs::read_to_string(path).expect("a case is text");
    let expected: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("# expect: ")).map(str::to_owned).collect();
    let mut files = Vec::new();
    match text.contains("# file: ") {
        false => files.push(SourceFile { path: "entities/order.yaml".to_owned(), text }),
        true => {
            for part in text.split("# file: ").skip(1) {
                let (path, text) = part.split_once('\n').unwrap_or((part, ""));
                files.push(SourceFile { path: path.trim().to_owned(), text: text.to_owned() });
            }
        }
    }
    for (path, text) in [("app.yaml", APP), ("entities/order.yaml", ORDER)] {
        if !files.iter().any(|file| file.path == path) {
            files.push(SourceFile { path: path.to_owned(), text: text.to_owned() });
        }
    }
    Case { name: path.file_stem().expect("a name").to_string_lossy().into_owned(), expected, files }
}

fn judged(files: &[SourceFile]) -> Vec<Finding> {
    let mut loaded = read(files);
    if let Some(app) = &loaded.app {
        loaded.findings.extend(check(app));
    }
    tidy(&mut loaded.findings);
    loaded.findings
}

fn written(finding: &Finding, single: bool) -> String {
    let severity = match finding.severity {
        Severity::Error => "",
        Severity::Warning => "warning ",
        Severity::Hint => "hint ",
    };
    let at = &finding.at;
    let file = if single { String::new() } else { format!("{}:", at.file) };
    let help = finding.help.as_deref().unwrap_or("NO HELP");
    format!("{severity}{} {file}{}:{} {} | {help}", finding.code, at.line, at.column, finding.message)
}

#[test]
fn the_sound_app_is_sound() {
    let files =
        [("app.yaml", APP), ("entities/order.yaml", ORDER)].map(|(path, text)| SourceFile { path: path.to_owned(), text: text.to_owned() });
    assert_eq!(judged(&files), []);
}

#[test]
fn every_bad_file_is_told_apart() {
    let mut differences = String::new();
    let cases = cases();
    for case in &cases {
        let single = !case
            .expected
            .iter()
            .any(|line| line.contains(".yaml:") || line.contains(".csv:") || line.contains(".json:") || line.contains(".yml:"));
        let found: BTreeSet<String> = judged(&case.files).iter().map(|finding| written(finding, single)).collect();
        let expected: BTreeSet<String> = case.expected.iter().cloned().collect();
        for line in expected.difference(&found) {
            differences += &format!("{:<40} missing    {line}\n", case.name);
        }
        for line in found.difference(&expected) {
            differences += &format!("{:<40} unexpected {line}\n", case.name);
        }
        if expected.is_empty() {
            differences += &format!("{:<40} expects nothing\n", case.name);
        }
    }
    assert!(cases.len() >= 70, "only {} bad files", cases.len());
    assert!(differences.is_empty(), "\n{differences}");
}

/// A place must lie in the file it names, at the line and column it names.
#[test]
fn places_are_true() {
    for case in cases() {
        for finding in judged(&case.files) {
            let at = &finding.at;
            let Some(file) = case.files.iter().find(|file| *file.path == *at.file) else {
                panic!("{}: `{}` is no file of the case", case.name, at.file)
            };
            let before = file.text.get(..at.offset).expect("an offset at a character");
            assert!(file.text.get(at.offset..at.offset + at.len).is_some(), "{}: {finding:?}", case.name);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            assert_eq!((at.line, at.column), (line, column), "{}: {finding:?}", case.name);
        }
    }
}

#[test]
fn every_code_has_a_bad_file() {
    let pages = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors")).expect("the pages");
    let codes: BTreeSet<String> = pages
        .map(|page| page.expect("a page").file_name().to_string_lossy().trim_end_matches(".md").to_owned())
        .filter(|code| code.starts_with("SH30") && !("SH3051"..="SH3055").contains(&code.as_str()))
        .collect();
    assert!(codes.len() > 40, "only {} pages", codes.len());
    let covered: BTreeSet<String> = cases()
        .iter()
        .flat_map(|case| &case.expected)
        .flat_map(|line| line.split(' ').find(|word| word.starts_with("SH")))
        .map(str::to_owned)
        .chain(ELSEWHERE.map(str::to_owned))
        .collect();
    assert_eq!(codes.symmetric_difference(&covered).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn a_long_list_is_cut_and_says_so() {
    let files = cases().into_iter().find(|case| case.name == "3058_said_without_via").expect("the case").files;
    let all = judged(&files);
    assert_eq!(all.len(), 2);
    let short = shorten(all.clone(), 1);
    assert_eq!(short.len(), 2);
    assert_eq!((short[1].code, short[1].message.as_str()), ("SH3047", "1 of 2 faults shown"));
    assert_eq!(shorten(all.clone(), 2), all);
}
