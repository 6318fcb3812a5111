//! Whatever is done to the files of the first app, reading and checking them ends with findings, never with a panic,
//! and every finding points into its file.

use std::path::PathBuf;

use proptest::prelude::*;
use statehouse_definition::{SourceFile, check, read, sources};

fn orders() -> Vec<SourceFile> {
    sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders")).0
}

#[derive(Clone, Debug)]
enum Change {
    /// Cuts from a place to a place.
    Cut(usize, usize),
    /// Puts a piece in.
    Put(usize, usize),
    /// Puts one line of the file at another place.
    Move(usize, usize),
    /// Takes the file away.
    Drop,
    /// Gives it another name.
    Rename(usize),
}

const PIECES: [&str; 32] = [
    ":",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "- ",
    "# ",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "---\n",
    "null",
    "true",
    "0",
    "ż",
    "\u{feff}",
    "\t",
    "|",
    ">-\n",
    "{{",
    "}}",
    "{x}",
    ",",
    "= any(my_clients())",
    "\0",
    "\r",
    "1e999",
];

const PATHS: [&str; 6] = ["app.yaml", "entities/order.json", "prices/order.csv", "x.yml", "connectors/a/b.yaml", "prices/tariff.yaml"];

fn change() -> impl Strategy<Value = (usize, Change)> {
    let one = prop_oneof![
        (any::<usize>(), 0..40usize).prop_map(|(at, len)| Change::Cut(at, len)),
        (any::<usize>(), 0..PIECES.len()).prop_map(|(at, piece)| Change::Put(at, piece)),
        (any::<usize>(), any::<usize>()).prop_map(|(from, to)| Change::Move(from, to)),
        Just(Change::Drop),
        (0..PATHS.len()).prop_map(Change::Rename),
    ];
    (any::<usize>(), one)
}

fn at_character(text: &str, at: usize) -> usize {
    let mut at = at % (text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn apply(files: &mut Vec<SourceFile>, which: usize, change: &Change) {
    if files.is_empty() {
        return;
    }
    let which = which % files.len();
    let text = &mut files[which].text;
    match change {
        Change::Cut(at, len) => {
            let from = at_character(text, *at);
            let to = at_character(text, (from + len).min(text.len()));
            text.replace_range(from..to.max(from), "");
        }
        Change::Put(at, piece) => {
            let at = at_character(text, *at);
            text.insert_str(at, PIECES[*piece]);
        }
        Change::Move(from, to) => {
            let lines: Vec<&str> = text.lines().collect();
            if !lines.is_empty() {
                let mut lines = lines.clone();
                let line = lines.remove(from % lines.len());
                lines.insert(to % (lines.len() + 1), line);
                *text = lines.join("\n");
            }
        }
        Change::Drop => {
            files.remove(which);
        }
        Change::Rename(path) => files[which].path = PATHS[*path].to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(changes in prop::collection::vec(change(), 1..6)) {
        let mut files = orders();
        for (which, change) in &changes {
            apply(&mut files, *which, change);
        }
        let mut loaded = read(&files);
        if let Some(app) = &loaded.app {
            loaded.findings.extend(check(app));
        }
        for finding in &loaded.findings {
            let texts: Vec<&SourceFile> = files.iter().filter(|file| *file.path == *finding.at.file).collect();
            // Two files of one path cannot come from a folder; then the place may be of either.
            if let [file] = texts[..] {
                let end = finding.at.offset + finding.at.len;
                prop_assert!(file.text.get(finding.at.offset..end).is_some(), "{finding:?}");
            }
            prop_assert!(finding.help.as_deref().is_some_and(|help| !help.is_empty()), "{finding:?}");
        }
    }
}
