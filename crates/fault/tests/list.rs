//! The list and the folder of pages say the same.

use std::collections::BTreeSet;
use std::path::Path;

use statehouse_fault::{CODES, Code, Family, SH4004, page};

fn pages() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    std::fs::read_dir(folder)
        .expect("docs/errors is readable")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let listed: BTreeSet<String> = CODES.iter().map(|code| format!("{code}.md")).collect();
    assert_eq!(listed, pages());
}

#[test]
fn codes_are_sorted_and_unique() {
    for pair in CODES.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} stands before {}", pair[0], pair[1]);
    }
    let slugs: BTreeSet<&str> = CODES.iter().map(|code| code.slug).collect();
    assert_eq!(slugs.len(), CODES.len(), "a slug stands twice");
}

#[test]
fn a_code_is_sh_and_four_digits() {
    for code in CODES {
        let digits = code.code.strip_prefix("SH").expect("begins with SH");
        assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()), "{code}");
    }
}

#[test]
fn titles_are_lower_case_and_help_is_an_action_without_full_stop() {
    for code in CODES {
        assert_eq!(code.title, code.title.to_lowercase(), "{code}");
        assert!(!code.title.is_empty() && !code.title.ends_with('.'), "{code}");
        assert!(code.help.starts_with(|c: char| c.is_lowercase() || c == '`'), "{code}");
        assert!(!code.help.ends_with('.'), "{code}");
    }
}

#[test]
fn a_page_opens_with_its_code_and_title_and_has_its_parts() {
    for code in CODES {
        let heading = code.page.lines().next();
        assert_eq!(heading, Some(format!("# {} {}", code.code, code.title).as_str()));
        for part in ["\n\n## How it looks\n\n```", "```\n\n## What to do\n\n"] {
            assert!(code.page.contains(part), "{code} lacks {part:?}");
        }
    }
}

#[test]
fn an_sqlstate_is_ours_by_rule_or_one_of_these() {
    let standard = [
        ("SH2010", "42501"),
        ("SH4012", "40001"),
        ("SH5002", "40001"),
        ("SH5003", "57014"),
        ("SH5004", "55P03"),
        ("SH5005", "53300"),
        ("SH5006", "53100"),
        ("SH5007", "08006"),
        ("SH5010", "23505"),
        ("SH5011", "23514"),
        ("SH5012", "23503"),
        ("SH5013", "23502"),
        ("SH5014", "23P01"),
        ("SH5015", "22P02"),
    ];
    for code in CODES {
        let Some(sqlstate) = code.sqlstate else {
            continue;
        };
        match standard.iter().find(|(standard, _)| *standard == code.code) {
            Some((_, expected)) => assert_eq!(sqlstate, *expected, "{code}"),
            None => assert_eq!(sqlstate, code.code.replacen("SH", "S", 1), "{code}"),
        }
    }
}

#[test]
fn every_transition_code_can_be_raised_in_the_database() {
    for code in CODES.iter().filter(|code| code.family() == Family::Transition) {
        assert!(code.sqlstate.is_some(), "{code}");
    }
}

#[test]
fn a_code_is_found_by_its_name_alone() {
    assert_eq!(Code::find("SH4004"), Some(SH4004));
    assert_eq!(Code::find("sh4004"), None);
    assert_eq!(Code::find("SH4000"), None);
    assert!(page("SH4004").is_some_and(|page| page.starts_with("# SH4004 guard refused\n")));
    assert_eq!(page("SH4000"), None);
}
