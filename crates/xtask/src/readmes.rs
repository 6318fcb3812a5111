//! Each crate's README says what it owns and what it does not know.

use crate::tree::Tree;

/// The crates whose README is missing or does not say it.
pub fn problems(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (folder, _) in tree.crates() {
        let path = format!("crates/{folder}/README.md");
        let Some(text) = tree.text(&path) else {
            problems.push(format!("{path}: missing"));
            continue;
        };
        if !opening(text).split_whitespace().any(|word| word == "owns") {
            problems.push(format!("{path}: the first sentence does not say what it owns"));
        }
        if !text.split_whitespace().collect::<Vec<_>>().join(" ").contains("does not know") {
            problems.push(format!("{path}: does not say what it does not know"));
        }
    }
    problems
}

/// The first sentence below the headings.
fn opening(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, below)| below).trim_start();
    }
    let paragraph = rest.split("\n\n").next().unwrap_or_default();
    let end = paragraph.find(". ").or(paragraph.find(".\n")).unwrap_or(paragraph.len());
    &paragraph[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(readme: &str, expected: usize) {
        let tree = Tree::of(&[("crates/a/Cargo.toml", ""), ("crates/a/README.md", readme)]);
        assert_eq!(problems(&tree).len(), expected, "{readme}");
    }

    #[test]
    fn both_sentences_are_asked_for() {
        check("# a\n\n`a` owns the list.\n\nIt does not\nknow Postgres.\n", 0);
        check("# a\n\n`a` is a crate. It owns a list, and does not know Postgres.\n", 1);
        check("# a\n\n`a` owns the list.\n", 1);
        check("", 2);
    }

    #[test]
    fn a_missing_readme_is_found() {
        assert_eq!(problems(&Tree::of(&[("crates/a/Cargo.toml", "")])), ["crates/a/README.md: missing"]);
    }
}
