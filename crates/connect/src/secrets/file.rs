//! The file of secrets.
//!
//! ```yaml
//! twilio_token: 0f3…
//! customs_hook:
//!   - { id: spring, value: whsec_…, not_after: 2026-06-01T00:00:00Z }
//!   - { id: summer, value: whsec_…, not_before: 2026-05-25T00:00:00Z }
//! tenants:
//!   nordur: { twilio_token: 7a1… }
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Kept, Secrets, Shelf, Unreadable, kept};

/// A file longer than this is no file of secrets.
const LENGTH_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    tenants: BTreeMap<String, BTreeMap<String, Values>>,
    #[serde(flatten)]
    own: BTreeMap<String, Values>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<Value>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    id: String,
    value: String,
    not_before: Option<String>,
    not_after: Option<String>,
}

/// Reads it whole.
pub(super) fn read(path: &Path) -> Result<Secrets, Unreadable> {
    let unreadable = |cause| Unreadable::File(path.to_owned(), cause);
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if about.len() > LENGTH_MAX {
        return Err(unreadable(std::io::ErrorKind::FileTooLarge.into()));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    let written: Written = serde_saphyr::from_str(&text).map_err(|cause| {
        // The reader's own words quote the line, and with it the secret.
        let (line, column) = cause.location().map_or((0, 0), |at| (at.line(), at.column()));
        Unreadable::Form { path: path.to_owned(), line, column }
    })?;
    let tenants = written.tenants.into_iter().map(|(tenant, values)| Ok((tenant, shelf(values)?))).collect::<Result<_, Unreadable>>()?;
    Ok(Secrets { own: shelf(written.own)?, tenants, warnings: warning(path, &about).into_iter().collect() })
}

fn shelf(values: BTreeMap<String, Values>) -> Result<Shelf, Unreadable> {
    let one = |(name, values): (String, Values)| {
        let several = match values {
            Values::One(value) => vec![kept(&name, None, value.into())?],
            Values::Several(values) if values.is_empty() => return Err(Unreadable::Empty(name)),
            Values::Several(values) => values.into_iter().map(|value| timed(&name, value)).collect::<Result<_, _>>()?,
        };
        Ok((name, several))
    };
    values.into_iter().map(one).collect()
}

fn timed(name: &str, value: Value) -> Result<Kept, Unreadable> {
    let time = |text: Option<String>| {
        let read = text.map(|text| text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second));
        read.transpose().map_err(|_| Unreadable::Time(name.to_owned()))
    };
    let (not_before, not_after) = (time(value.not_before)?, time(value.not_after)?);
    Ok(Kept { not_before, not_after, ..kept(name, Some(value.id), value.value.into())? })
}

#[cfg(unix)]
fn warning(path: &Path, about: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let others = about.permissions().mode() & 0o077;
    (others != 0).then(|| format!("`{}` can be read by others; `chmod 600` it", path.display()))
}

#[cfg(not(unix))]
fn warning(_: &Path, _: &std::fs::Metadata) -> Option<String> {
    None
}
