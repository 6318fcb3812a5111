//! Files that grew long. A note for the reader, never a failure.

use crate::tree::Tree;

/// From here on one looks for a second subject.
const LONG_LINES: usize = 400;
/// From here on the file says at its top why it is one thing.
const EXPLAIN_LINES: usize = 600;
/// How many lines the top has.
const TOP_LINES: usize = 12;

/// One note for each long source file, the longest first. In Rust, lines of test modules do not count.
pub fn notes(tree: &Tree) -> Vec<String> {
    let source = |path: &str| [".rs", ".sql", ".ts", ".tsx", ".sh"].iter().any(|end| path.ends_with(end));
    let mut long: Vec<(usize, String)> = Vec::new();
    for file in tree.files.iter().filter(|file| source(&file.path)) {
        let lines = file.text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
        if lines <= LONG_LINES {
            continue;
        }
        let explained = file.text.lines().take(TOP_LINES).any(|line| line.contains("one thing"));
        let what = match (lines > EXPLAIN_LINES, explained) {
            (true, false) => "say at the top why it is one thing",
            (_, true) => "one thing by its own account",
            (false, false) => "look for a second subject",
        };
        long.push((lines, format!("{}: {lines} lines, {what}", file.path)));
    }
    long.sort_by(|a, b| b.cmp(a));
    long.into_iter().map(|(_, note)| note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_noted_and_tests_do_not_count() {
        let tree = Tree::of(&[
            ("a.rs", &"x\n".repeat(400)),
            ("b.rs", &"x\n".repeat(401)),
            ("c.sql", &"x\n".repeat(601)),
            ("d.rs", &format!("// This is one thing: a table.\n{}", "x\n".repeat(700))),
            ("e.rs", &format!("#[cfg(test)]\n{}", "x\n".repeat(700))),
            ("f.csv", &"x\n".repeat(900)),
        ]);
        let expected = [
            "d.rs: 701 lines, one thing by its own account",
            "c.sql: 601 lines, say at the top why it is one thing",
            "b.rs: 401 lines, look for a second subject",
        ];
        assert_eq!(notes(&tree), expected);
    }
}
