//! Says that everything answers: to a person, and to whatever waits for the file.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::Standing;
use crate::cx::{Cx, Reached};
use crate::failure::Failure;

/// Writes the file in one piece, readable by us alone: it holds keys.
pub(super) fn write(file: &Path, standing: &Standing) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(standing)
        .map_err(|cause| Failure::new(statehouse_fault::SH9001, format!("the ready file has no JSON form: {cause}")))?;
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}", std::process::id()));
    let beside = file.with_file_name(name);
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut out| {
            out.write_all(text.as_bytes())?;
            out.write_all(b"\n")?;
            out.sync_all()
        })
        .and_then(|()| fs::rename(&beside, file))
        .map_err(|cause| Failure::file("write", file, &cause))
}

/// Takes away a file of before: it must not be read while nothing answers.
pub(super) fn forget(file: &Path) -> Result<(), Failure> {
    match fs::remove_file(file) {
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(Failure::file("remove", file, &cause)),
        _ => Ok(()),
    }
}

/// Prints where everything is.
pub(super) fn announce(standing: &Standing, reached: &Reached, cx: &Cx) {
    if cx.print_json(standing) {
        return;
    }
    sayln!("`{}` version {}", standing.app, standing.version);
    if let Some(api) = &standing.api {
        sayln!("  {:<18} {api}", "api");
    }
    if let Some(sandbox) = &standing.sandbox {
        sayln!("  {:<18} {sandbox}/_/sent", "what was sent");
        sayln!("  {:<18} {sandbox}", "stand-ins");
    }
    for (role, url) in &standing.database {
        sayln!("  {role:<18} {}", url.as_str().unwrap_or_default());
    }
    if !standing.keys.is_empty() {
        sayln!("\nKeys are new at every start.\n  {:<10} {:<8} {:<36} key", "tenant", "role", "member");
    }
    for key in &standing.keys {
        sayln!("  {:<10} {:<8} {:<36} {}", key.tenant, key.role, key.member, key.key);
    }
    let psql = standing.database.get("statehouse_api").and_then(|url| url.as_str()).unwrap_or_default();
    sayln!("\npsql '{psql}'   then: select statehouse.enter('KEY');");
    if let (Some(api), Some(key)) = (&standing.api, standing.keys.first()) {
        sayln!("curl -H 'authorization: Bearer {}' {api}/v1/me", key.key);
    }
    match (&reached.server, standing.owner) {
        (Some(_), true) => sayln!("Ctrl-C stops the server"),
        (Some(_), false) => sayln!("another process keeps the server in `{}`: {}", cx.data.display(), owner(&cx.data)),
        (None, _) => {}
    }
}

/// Who owns the server, from its lock file.
fn owner(data: &Path) -> String {
    let id = fs::read_to_string(data.join("statehouse.lock")).unwrap_or_default();
    if id.trim().is_empty() { "unknown".into() } else { format!("process {}", id.trim()) }
}
