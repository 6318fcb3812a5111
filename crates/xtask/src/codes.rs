//! A code, its page and the test that provokes it belong together.

use std::collections::BTreeSet;

use statehouse_fault::CODES;

use crate::tree::Tree;

/// What the law says instead of moving when it is only asked whether it would: a word between it and its caller, no fault.
const WORD: &str = "SH0000";

/// The codes that no test provokes yet, one a line.
pub const UNPROVOKED: &str = "crates/xtask/unprovoked.txt";

const UNPROVOKED_HEAD: &str = "\
# Codes that no test provokes yet, written by `cargo xtask unprovoked`.
# This list may only shrink: a code leaves it with the test that provokes it.
";

/// Codes without a page and pages without a code.
pub fn pages(tree: &Tree) -> Vec<String> {
    let page = |path: &str| path.strip_prefix("docs/errors/").map(|name| name.trim_end_matches(".md").to_owned());
    let pages: BTreeSet<String> = tree.files.iter().filter_map(|file| page(&file.path)).collect();
    let listed = listed();
    let without_page = listed.difference(&pages).map(|code| format!("docs/errors/{code}.md: missing"));
    let without_code = pages.difference(&listed).map(|code| format!("docs/errors/{code}.md: no such code in the list"));
    without_page.chain(without_code).collect()
}

/// Places that name a code the list does not have. The two crates that test what an unlisted code does are left out.
pub fn mentions(tree: &Tree) -> Vec<String> {
    let listed = listed();
    let mut problems = Vec::new();
    for file in tree.files.iter().filter(|file| !is_about_codes(&file.path)) {
        for (at, line) in file.text.lines().enumerate() {
            for code in codes_in(line).difference(&listed).filter(|code| *code != WORD) {
                problems.push(format!("{}:{}: `{code}` is not in the list of codes", file.path, at + 1));
            }
        }
    }
    problems
}

/// Codes that neither a test provokes nor `unprovoked.txt` admits to, and those it admits to without need.
pub fn provoked(tree: &Tree) -> Vec<String> {
    let (listed, provoked) = (listed(), provoked_in(tree));
    let admitted = admitted(tree);
    let mut problems = Vec::new();
    for code in listed.difference(&provoked).filter(|code| !admitted.contains(*code)) {
        problems.push(format!("{code}: no test provokes it, and {UNPROVOKED} does not say so"));
    }
    for code in admitted.intersection(&provoked) {
        problems.push(format!("{code}: a test provokes it, run `cargo xtask unprovoked` to take it out of {UNPROVOKED}"));
    }
    for code in admitted.difference(&listed) {
        problems.push(format!("{code}: stands in {UNPROVOKED} and is no code"));
    }
    problems
}

/// The text of `unprovoked.txt` as it should be, and how many codes it has.
pub fn unprovoked(tree: &Tree) -> (String, usize) {
    let missing: Vec<String> = listed().difference(&provoked_in(tree)).cloned().collect();
    let lines: String = missing.iter().map(|code| format!("{code}\n")).collect();
    (format!("{UNPROVOKED_HEAD}{lines}"), missing.len())
}

fn listed() -> BTreeSet<String> {
    CODES.iter().map(|code| code.code.to_owned()).collect()
}

fn admitted(tree: &Tree) -> BTreeSet<String> {
    let text = tree.text(UNPROVOKED).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#')).flat_map(codes_in).collect()
}

fn provoked_in(tree: &Tree) -> BTreeSet<String> {
    let files = tree.files.iter().filter(|file| !is_about_codes(&file.path));
    files.flat_map(|file| codes_in(test_part(&file.path, &file.text))).collect()
}

/// What names codes without provoking them: the list, the pages, and this crate.
fn is_about_codes(path: &str) -> bool {
    ["crates/fault/", "crates/xtask/", "docs/errors/"].iter().any(|folder| path.starts_with(folder))
}

/// The part of a file that is a test or the data of one.
fn test_part<'t>(path: &str, text: &'t str) -> &'t str {
    let folders = ["tests", "fixtures", "scenarios", "snapshots"];
    let in_folder = path.split('/').rev().skip(1).any(|part| folders.contains(&part));
    if in_folder || path.ends_with("/tests.rs") {
        return text;
    }
    // Test modules stand at the end of a file, so all that follows is test.
    let module = path.ends_with(".rs").then(|| text.find("#[cfg(test)]\nmod ")).flatten();
    module.map_or("", |at| &text[at..])
}

/// Every `SH` and four digits that stand alone, written in the database's form `S4004` too.
fn codes_in(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let digits = |word: &str, start: &str| {
        let rest = word.strip_prefix(start)?;
        (rest.len() == 4 && rest.bytes().all(|b| b.is_ascii_digit())).then(|| format!("SH{rest}"))
    };
    words.filter_map(|word| digits(word, "SH").or_else(|| digits(word, "S"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provoked_by(path: &str, text: &str) -> Vec<String> {
        provoked_in(&Tree::of(&[(path, text)])).into_iter().collect()
    }

    #[test]
    fn only_tests_provoke() {
        for path in
            ["crates/store/tests/move.rs", "apps/orders/scenarios/a.yaml", "crates/a/src/snapshots/x.snap", "crates/a/src/law/tests.rs"]
        {
            assert_eq!(provoked_by(path, "refused SH4004\n"), ["SH4004"], "{path}");
        }
        for path in ["crates/store/src/move.rs", "docs/guide.md", "crates/fault/tests/list.rs", "docs/errors/SH4004.md"] {
            assert_eq!(provoked_by(path, "refused SH4004\n"), [""; 0], "{path}");
        }
        let both = "const A: &str = \"SH4001\";\n#[cfg(test)]\nmod tests { /* S4004 */ }\n";
        assert_eq!(provoked_by("crates/store/src/move.rs", both), ["SH4004"]);
    }

    #[test]
    fn a_code_stands_alone() {
        let found: Vec<String> = codes_in("error[SH3011] \"S4002\" SH40041 XSH4001 S400 SHA256 sh4003").into_iter().collect();
        assert_eq!(found, ["SH3011", "SH4002"]);
    }

    #[test]
    fn the_file_and_the_tests_must_agree() {
        let (all, count) = unprovoked(&Tree::default());
        assert_eq!(count, CODES.len());
        let test = ("crates/store/tests/a.rs", "SH4004");
        assert_eq!(provoked(&Tree::of(&[(UNPROVOKED, &all)])), [""; 0]);

        let needless = provoked(&Tree::of(&[(UNPROVOKED, &all), test]));
        assert!(needless.len() == 1 && needless[0].starts_with("SH4004: a test provokes it"), "{needless:?}");
        let missing = provoked(&Tree::of(&[(UNPROVOKED, &all.replace("SH4001\n", ""))]));
        assert!(missing.len() == 1 && missing[0].starts_with("SH4001: no test provokes it"), "{missing:?}");
        let unknown = provoked(&Tree::of(&[(UNPROVOKED, &format!("{all}SH4999\n"))]));
        assert!(unknown.len() == 1 && unknown[0].starts_with("SH4999: stands in"), "{unknown:?}");
    }

    #[test]
    fn an_unlisted_code_is_found_where_it_is_named() {
        let found = mentions(&Tree::of(&[("docs/guide.md", "fine SH4004\nsee SH4999\n")]));
        assert_eq!(found, ["docs/guide.md:2: `SH4999` is not in the list of codes"]);
    }

    #[test]
    fn a_page_and_a_code_need_each_other() {
        let all: Vec<String> = CODES.iter().skip(1).map(|code| format!("docs/errors/{code}.md")).collect();
        let mut files: Vec<(&str, &str)> = all.iter().map(|path| (path.as_str(), "")).collect();
        files.push(("docs/errors/SH4999.md", ""));
        let expected = ["docs/errors/SH0001.md: missing", "docs/errors/SH4999.md: no such code in the list"];
        assert_eq!(pages(&Tree::of(&files)), expected);
    }
}
