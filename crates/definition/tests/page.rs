//! The examples of `docs/outside.md` are one app, and it is sound; its tables name every key there is.

use std::fs;
use std::path::PathBuf;

use statehouse_definition::schemes::{Coverage, SCHEMES, Scheme};
use statehouse_definition::{SourceFile, check, read};

fn page() -> String {
    fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/outside.md")).expect("the page is there")
}

/// What stands under `<!-- example: PATH -->`.
fn examples(page: &str) -> Vec<SourceFile> {
    let parts = page.split("<!-- example: ").skip(1);
    parts
        .map(|part| {
            let (path, rest) = part.split_once(" -->\n```yaml\n").expect("an example is YAML");
            let (text, _) = rest.split_once("\n```").expect("an example ends");
            SourceFile { path: path.to_owned(), text: format!("{text}\n") }
        })
        .collect()
}

#[test]
fn the_examples_are_a_sound_app() {
    let files = examples(&page());
    assert_eq!(files.len(), 6);
    let loaded = read(&files);
    assert_eq!(loaded.findings, []);
    assert_eq!(check(&loaded.app.expect("an app without findings is there")), []);
}

/// The help of an unknown key lists those there are; each stands in backticks somewhere on the page.
#[test]
fn every_key_is_told() {
    let page = page();
    let sound = examples(&page);
    for (path, at) in [
        ("connectors/sms.yaml", "connector: sms"),
        ("connectors/sms.yaml", "  ready:\n    args:"),
        ("inbox/customs.yaml", "inbox: customs"),
        ("inbox/customs.yaml", "    entity: order"),
        ("inbox/customs.yaml", "  every: 5 minutes"),
        ("app.yaml", "    zone: Europe/Warsaw"),
        ("entities/order.yaml", "    via: charging"),
    ] {
        let mut files = sound.clone();
        let file = files.iter_mut().find(|file| file.path == path).expect(path);
        let indent = at.len() - at.trim_start().len();
        let indent = if at.contains("\n") { 4 } else { indent };
        let line = at.lines().last().expect("a line");
        let written = file.text.replacen(line, &format!("{:indent$}zzzzzzzzzz: 1\n{line}", ""), 1);
        assert_ne!(written, file.text, "{path}: {line}");
        file.text = written;
        let found = read(&files).findings;
        let help = found.iter().find(|finding| finding.message.contains("`zzzzzzzzzz`")).and_then(|finding| finding.help.clone());
        let help = help.unwrap_or_else(|| panic!("{path} at {at}: {found:?}"));
        let keys: Vec<&str> = help.split('`').skip(1).step_by(2).collect();
        assert!(keys.len() > 3, "{help}");
        for key in keys {
            let told =
                page.contains(&format!("`{key}`")) || ["from", "to", "by", "set", "auto", "each", "lock", "do", "guards"].contains(&key);
            assert!(told, "`{key}` of {path} is not on the page");
        }
    }
}

#[test]
fn every_scheme_is_told_with_what_it_covers() {
    let page = page();
    for Scheme { name, coverage, signed } in SCHEMES {
        let mark = match coverage {
            Coverage::Whole => "",
            Coverage::Partly => " ¹",
            Coverage::Sender => " ²",
        };
        assert!([",", "."].iter().any(|end| page.contains(&format!("`{name}`{mark}{end}"))), "`{name}`{mark}");
        for signed in signed {
            let told = format!("`{name}` signs");
            let row = page.lines().find(|line| line.contains(&told)).unwrap_or_default();
            let said = row.split(&told).nth(1).unwrap_or_default().split(';').next().unwrap_or_default();
            assert!(said.contains(&format!("`{signed}`")), "`{signed}` of `{name}`: {row}");
        }
    }
}
