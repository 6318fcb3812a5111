//! Where secrets come from, which of several counts, and that none is ever printed.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::Path;

use statehouse_connect::secrets::{Secrets, Unreadable, Watched};
use tempfile::NamedTempFile;

/// 2026-06-01T00:00:00Z, in seconds since 1970.
const JUNE: i64 = 1_780_272_000;
const CANARY: &str = "canary-5f3a9c";

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Secrets, Unreadable> {
    let file = file(text);
    Secrets::read(Some(file.path()), variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

const FILE: &str = "\
twilio_token: installation
number: '0042'
customs_hook:
  - { id: spring, value: old, not_after: 2026-06-01T00:00:00Z }
  - { id: summer, value: new, not_before: 2026-05-25T00:00:00Z }
tenants:
  nordur: { twilio_token: their own }
";

#[test]
fn a_tenants_own_comes_first_then_the_environment_then_the_file() {
    let secrets = read(FILE, &[("STATEHOUSE_SECRET_TWILIO_TOKEN", "environment"), ("STATEHOUSE_SECRET_META", "m"), ("HOME", "x")]).unwrap();
    let get = |tenant, name| secrets.get(tenant, name, JUNE);
    assert_eq!(get("nordur", "twilio_token"), Some("their own"));
    assert_eq!(get("sudur", "twilio_token"), Some("environment"));
    assert_eq!(get("sudur", "meta"), Some("m"));
    assert_eq!(get("sudur", "number"), Some("0042"));
    assert_eq!(get("sudur", "home"), None);
    assert_eq!(get("nordur", "tenants"), None);
    assert_eq!(read(FILE, &[]).unwrap().get("sudur", "twilio_token", JUNE), Some("installation"));
}

#[test]
fn of_several_the_newest_that_lives_is_shown_and_all_are_tried() {
    let secrets = read(FILE, &[]).unwrap();
    let week = 7 * 86_400;
    let shown = |now| secrets.get("nordur", "customs_hook", now);
    assert_eq!([shown(JUNE - week - 1), shown(JUNE - week), shown(JUNE)], [Some("old"), Some("new"), Some("new")]);
    let all = secrets.all("nordur", "customs_hook");
    let told: Vec<_> = all.iter().map(|secret| (secret.id.as_str(), secret.text.as_str(), secret.not_before, secret.not_after)).collect();
    assert_eq!(told, [("spring", "old", None, Some(JUNE)), ("summer", "new", Some(JUNE - week), None)]);
    assert!(secrets.all("nordur", "nothing").is_empty());
    let ended = read("one: [{ id: a, value: x, not_after: 2026-06-01T00:00:00Z }]", &[]).unwrap();
    assert_eq!((ended.get("nordur", "one", JUNE - 1), ended.get("nordur", "one", JUNE)), (Some("x"), None));
}

#[test]
fn a_number_is_the_text_that_was_written() {
    for (text, value) in [("one: '007'", "007"), ("one: \"1e3\"", "1e3"), ("one: 'true'", "true")] {
        assert_eq!(read(text, &[]).unwrap().get("nordur", "one", JUNE), Some(value), "{text}");
    }
    // One that was not meant as text is either read as it stands or refused, and never becomes another.
    for text in ["007", "1e3", "0x1F", "1_000", "true", "~", "12345678901234567890"] {
        if let Ok(secrets) = read(&format!("one: {text}"), &[]) {
            assert_eq!(secrets.get("nordur", "one", JUNE), Some(text));
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_by_its_place_and_never_by_its_value() {
    let cases = [
        format!("one: [{CANARY}"),
        format!("one: {CANARY}\none: {CANARY}"),
        format!("one: [{{ id: a, value: {CANARY}, not_befor: x }}]"),
        format!("one: [{{ id: a, value: {CANARY}, not_before: {CANARY} }}]"),
        format!("one: [{{ id: a, value: [{CANARY}] }}]"),
        format!("one: {{ two: {CANARY} }}"),
        format!("One: {CANARY}"),
        format!("one-two: {CANARY}"),
        format!("tenants: {CANARY}"),
        format!("tenants: {{ nordur: {CANARY} }}"),
        format!("tenants: {{ nordur: {{ ONE: {CANARY} }} }}"),
        format!("- {CANARY}"),
        CANARY.to_owned(),
        format!("one: !!int {CANARY}"),
        "one: ''".to_owned(),
        "one: []".to_owned(),
    ];
    for text in cases {
        let unreadable = read(&text, &[]).err().unwrap_or_else(|| panic!("{text} was read"));
        let mut told = format!("{unreadable} {unreadable:?}");
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&unreadable);
        while let Some(one) = cause {
            told.push_str(&format!("{one} {one:?}"));
            cause = one.source();
        }
        assert!(!told.contains(CANARY), "{text}: {told}");
        assert_eq!(unreadable.code().code, "SH7008");
    }
    let refused = |name: &str, value: &str| read("one: x", &[(name, value)]).unwrap_err().to_string();
    assert_eq!(refused("STATEHOUSE_SECRET_ONE", ""), "the secret `one` is empty");
    assert_eq!(refused("STATEHOUSE_SECRET_", CANARY), "`` is not a name of a secret");
    let absent = Secrets::read(Some(Path::new("nowhere.yaml")), std::iter::empty()).unwrap_err();
    assert_eq!(absent.to_string(), "`nowhere.yaml` cannot be read: entity not found");
}

#[test]
fn none_is_printed() {
    let text = format!("one: {CANARY}\ntenants: {{ nordur: {{ two: [{{ id: a, value: {CANARY} }}] }} }}");
    let secrets = read(&text, &[("STATEHOUSE_SECRET_THREE", CANARY)]).unwrap();
    assert_eq!(format!("{secrets:?}"), r#"Secrets { own: ["one", "three"], tenants: {"nordur": ["two"]} }"#);
    assert!(!format!("{:?} {:?}", secrets.all("nordur", "two"), secrets.warnings()).contains(CANARY));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let file = file("one: x");
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o644, true)] {
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).unwrap();
        let secrets = Secrets::read(Some(file.path()), std::iter::empty()).unwrap();
        assert_eq!(!secrets.warnings().is_empty(), warned, "{mode:o}");
    }
}

/// Rotation needs no restart; what cannot be read leaves what was there.
#[test]
fn a_file_that_changes_is_read_again() {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;
    let file = file("token: first\n");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = {
        let heard = Arc::clone(&heard);
        move |read: Result<&Secrets, &Unreadable>| heard.lock().unwrap().push(read.map(|_| ()).map_err(ToString::to_string))
    };
    let environment = [("STATEHOUSE_SECRET_OTHER".to_owned(), "mine".to_owned())];
    let watched = Watched::open(Some(file.path().to_owned()), environment.into_iter(), told).unwrap().every(Duration::ZERO);
    let get = |name: &str| watched.now().get("nordur", name, JUNE).map(str::to_owned);
    assert_eq!((get("token").as_deref(), get("other").as_deref()), (Some("first"), Some("mine")));
    // As tools do it: the new one is written beside and takes the old one's place, here of the same length.
    let write = |text: &str| {
        let beside = file.path().with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(&beside, file.path()).unwrap();
    };
    write("token: later\n");
    assert_eq!((get("token").as_deref(), get("other").as_deref()), (Some("later"), Some("mine")));
    write(&format!("token: [ {CANARY}\n"));
    assert_eq!(get("token").as_deref(), Some("later"));
    std::fs::remove_file(file.path()).unwrap();
    assert_eq!(get("token").as_deref(), Some("later"));
    write("token: third\n");
    assert_eq!(get("token").as_deref(), Some("third"));
    let heard = heard.lock().unwrap();
    assert_eq!(heard.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true], "{heard:?}");
    assert!(!format!("{heard:?}").contains(CANARY));
}
