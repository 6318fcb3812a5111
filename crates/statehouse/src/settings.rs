//! The settings of the server: the file, then the environment, then the flags; what comes later wins.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use statehouse_fault::{Fault, SH0009};
use statehouse_http::Settings;

use crate::failure::Failure;

/// Read from the folder the command runs in, where no other file is named.
const FILE: &str = "statehouse.yaml";
/// Before the name of a setting, with `__` between its parts: `STATEHOUSE_LIMITS__BODY_MAX_BYTES`.
const PREFIX: &str = "STATEHOUSE_";

/// What a command that serves takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Where to listen
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The file of settings [env: STATEHOUSE_SETTINGS] [default: statehouse.yaml, if it is there]
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

impl Flags {
    /// Of a command that listens nowhere.
    pub fn of(settings: Option<PathBuf>) -> Flags {
        Flags { listen: None, settings }
    }

    /// Whether the address to listen on was chosen on the command line.
    pub fn says_where(&self) -> bool {
        self.listen.is_some()
    }

    /// The settings as they are meant, over those of `base`.
    ///
    /// # Errors
    /// `SH0009` for a file that cannot be read, a setting that is not known and a value that is not its.
    pub fn read(&self, base: &Settings) -> Result<Settings, Failure> {
        let env = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let mut tree = serde_json::to_value(base).map_err(|cause| invalid(format!("the defaults have no JSON form: {cause}")))?;
        if let Some(file) = file(self.settings.clone().or_else(|| env("STATEHOUSE_SETTINGS").map(Into::into))) {
            overlay(&mut tree, from_file(&file)?);
        }
        from_env(&mut tree, std::env::vars())?;
        if let Some(listen) = &self.listen {
            tree["listen"] = listen.clone().into();
        }
        serde_json::from_value(tree).map_err(|cause| invalid(format!("the settings cannot be used: {cause}")))
    }
}

/// The file that was named, else the one that lies here.
fn file(named: Option<PathBuf>) -> Option<PathBuf> {
    named.or_else(|| Path::new(FILE).exists().then(|| FILE.into()))
}

fn from_file(path: &Path) -> Result<Value, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|cause| invalid(format!("`{name}` cannot be read: {cause}")))?;
    // As settings first: that names the line of what is not known.
    serde_saphyr::from_str::<Settings>(&text).map_err(|cause| invalid(format!("`{name}`: {cause}")))?;
    serde_saphyr::from_str(&text).map_err(|cause| invalid(format!("`{name}`: {cause}")))
}

/// Takes every variable that names a setting; one that looks so and names none is a slip that would go unseen.
fn from_env(tree: &mut Value, variables: impl Iterator<Item = (String, String)>) -> Result<(), Failure> {
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let parts: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        if name_a_connector(tree, &parts, &text) {
            continue;
        }
        let Some(place) = parts.iter().try_fold(&mut *tree, |at, part| at.get_mut(part.as_str())) else {
            if parts.len() > 1 {
                return Err(invalid(format!("`{name}` names no setting")));
            }
            continue;
        };
        *place = match place {
            Value::String(_) => Value::String(text),
            _ => serde_saphyr::from_str(&text).map_err(|cause| invalid(format!("`{name}`: {cause}")))?,
        };
    }
    Ok(())
}

/// Connectors have names of the author's: one is there as soon as something of it is set.
fn name_a_connector(tree: &mut Value, parts: &[String], text: &str) -> bool {
    let Some(connectors) = parts.first().filter(|part| *part == "connectors").and_then(|part| tree.get_mut(part.as_str())?.as_object_mut())
    else {
        return false;
    };
    let place = match parts {
        [_, name, what] if what == "base" => &mut connectors.entry(name).or_insert_with(|| Map::new().into())["base"],
        [_, name, what, setting] if what == "settings" => {
            &mut connectors.entry(name).or_insert_with(|| Map::new().into())["settings"][setting.as_str()]
        }
        _ => return false,
    };
    *place = text.into();
    true
}

fn overlay(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key).or_insert_with(|| Value::Object(Map::new())), value);
            }
        }
        (under, over) => *under = over,
    }
}

fn invalid(detail: String) -> Failure {
    Fault::new(SH0009, detail).with_help("every setting stands in `docs/settings.md`").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)], file: Option<&str>) -> Result<Settings, Failure> {
        let mut tree = serde_json::to_value(Settings::default()).expect("JSON");
        if let Some(text) = file {
            let place = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(place.path(), text).expect("written");
            overlay(&mut tree, from_file(place.path())?);
        }
        from_env(&mut tree, variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())))?;
        serde_json::from_value(tree).map_err(|cause| invalid(cause.to_string()))
    }

    #[test]
    fn what_comes_later_wins() {
        let file = "listen: 127.0.0.1:1000\nlimits: { rate_per_key: 5, request_s: 7 }\n";
        let read =
            with(&[("STATEHOUSE_LIMITS__RATE_PER_KEY", "9"), ("STATEHOUSE_PUBLIC_URL", "https://x.example")], Some(file)).expect("sound");
        assert_eq!((read.limits.rate_per_key, read.limits.request_s), (9, 7));
        assert_eq!((read.listen.port(), read.public_url.as_str()), (1000, "https://x.example"));
        assert_eq!(read.limits.body_read_s, Settings::default().limits.body_read_s);
    }

    #[test]
    fn what_is_not_known_is_refused_wherever_it_stands() {
        for (variables, file) in [
            (vec![], Some("limit: 3\n")),
            (vec![], Some("limits: { body_max: 3 }\n")),
            (vec![], Some("limits: { body_max_bytes: many }\n")),
            (vec![("STATEHOUSE_LIMITS__BODY_MAX", "3")], None),
            (vec![("STATEHOUSE_LIMITS__BODY_MAX_BYTES", "many")], None),
        ] {
            let failure = with(&variables, file).expect_err("refused");
            assert_eq!(failure.fault.code.code, "SH0009", "{variables:?} {file:?}");
        }
    }

    #[test]
    fn other_variables_of_ours_are_let_be() {
        assert!(with(&[("STATEHOUSE_DATA", "data"), ("STATEHOUSE_KEY", "sk"), ("HOME", "x")], None).is_ok());
    }

    #[test]
    fn a_connector_is_there_as_soon_as_something_of_it_is_set() {
        let set = [
            ("STATEHOUSE_CONNECTORS__SMS__BASE", "http://127.0.0.1:4010/twilio"),
            ("STATEHOUSE_CONNECTORS__SMS__SETTINGS__SMS_FROM", "+3545550100"),
        ];
        let read = with(&set, Some("connectors: { sms: { base: 'https://other.example' }, pay: { settings: { a: b } } }")).expect("sound");
        let sms = &read.connectors["sms"];
        assert_eq!((sms.base.as_str(), sms.settings["sms_from"].as_str()), ("http://127.0.0.1:4010/twilio", "+3545550100"));
        assert_eq!(read.connectors["pay"].settings["a"], "b");
        assert!(with(&[("STATEHOUSE_CONNECTORS__SMS__BAES", "x")], None).is_err());
    }

    #[test]
    fn an_issuer_may_come_from_the_environment() {
        let text = "{ issuer: i, audience: a, keys: { one: { algorithm: HS256, secret: s } } }";
        let read = with(&[("STATEHOUSE_AUTH__JWT", text)], None).expect("sound");
        assert_eq!(read.auth.jwt.expect("set").issuer, "i");
    }
}
