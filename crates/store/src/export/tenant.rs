//! Everything of a tenant, as a folder of JSON lines.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use statehouse_definition::expr::ident;
use statehouse_definition::model::{App, Entity, Field, FieldKind, Named};
use statehouse_fault::{Fault, SH0003};
use tokio_postgres::Client;

use super::{Form, lines, records, unwritable};
use crate::record::{Session, resume};
use crate::{Db, Login, Place, StoreFault, secret};

/// What import knows a record by: its id of before, so written that it is taken for a key.
const KEY: &str = "was-";

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// Its name within the folder.
    pub file: String,
    /// Lines, or elements of the array.
    pub rows: u64,
}

/// Which tenant of which app.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// The app as it is applied.
    pub app: &'a App,
    /// The tenant's slug.
    pub tenant: &'a str,
}

/// A row whose numbers stay the text Postgres printed.
type Line = indexmap::IndexMap<String, Box<RawValue>>;

/// Writes `tenant.json`, `members.jsonl`, `admin_events.jsonl`, `events.jsonl`, `files.jsonl` (without bytes), per entity
/// `records/NAME.jsonl` as it stands and `import/NAME.json` in the form that import reads, per rule table
/// `import/rules/NAME.json`. Row by row, whatever the size. Each file is of one moment; suspend the tenant first where all must be.
///
/// # Errors
/// `SH0003` when the folder has something in it or cannot be written, `SH1001` for a tenant that is not there, faults of storage.
pub async fn tenant(place: &Place, wanted: Whole<'_>, folder: &Path) -> Result<Vec<Written>, StoreFault> {
    fresh(folder)?;
    let mut admin = place.connect_admin().await?;
    let number = crate::record::tenant(&admin, wanted.tenant).await?;
    let token = secret::secret()?;
    admin.execute(include_str!("../../queries/session_lend_system.sql"), &[&token, &number, &wanted.app.name]).await?;
    let session = resume(&Db::open(place, Login::Worker, 1)?, token.clone()).await;
    let written = match session {
        Ok(session) => everything(place, &mut admin, wanted, number, &session, folder).await,
        Err(fault) => Err(fault),
    };
    admin.execute(include_str!("../../queries/session_end_lent.sql"), &[&token]).await?;
    written
}

async fn everything(
    place: &Place,
    admin: &mut Client,
    wanted: Whole<'_>,
    number: i32,
    session: &Session,
    folder: &Path,
) -> Result<Vec<Written>, StoreFault> {
    let mut written = Vec::new();
    let mut note = |file: String, rows: u64| written.push(Written { file, rows });
    for (file, text) in [
        ("members.jsonl", include_str!("../../queries/export_members.sql")),
        ("admin_events.jsonl", include_str!("../../queries/export_admin_events.sql")),
        ("files.jsonl", include_str!("../../queries/export_files.sql")),
    ] {
        let mut out = create(folder, file)?;
        let rows = as_admin(admin, text, number, &mut out).await?;
        done(out)?;
        note(file.into(), rows);
    }
    let mut out = create(folder, "events.jsonl")?;
    let rows = super::events(admin, wanted.tenant, &mut out).await?;
    done(out)?;
    note("events.jsonl".into(), rows);
    let mut worker = place.connect(Login::Worker).await?;
    let emails = emails(folder)?;
    for (name, entity) in &wanted.app.entities {
        let file = format!("records/{name}.jsonl");
        let mut out = create(folder, &file)?;
        let rows = records(&mut worker, session, wanted.app, name, Form::Jsonl, &mut out).await?;
        done(out)?;
        note(file.clone(), rows);
        let import = format!("import/{name}.json");
        let rows = array(&folder.join(&file), create(folder, &import)?, |line| importable(entity, line, &emails))?;
        note(import, rows);
    }
    for name in wanted.app.tables.keys() {
        let file = format!("import/rules/{name}.json");
        let mut lines = Vec::new();
        let text = format!(
            "select (to_jsonb(\"Row\") - 'tenant' - 'market')::text from {}.{} \"Row\" where tenant = $1",
            ident(&wanted.app.name),
            ident(name)
        );
        let rows = as_admin(admin, &text, number, &mut lines).await?;
        let spelled = |line: Line| line.into_iter().map(|(name, value)| (name, spelled(&value))).collect();
        write_array(lines.lines(), create(folder, &file)?, spelled)?;
        note(file, rows);
    }
    let about = json!({ "tenant": wanted.tenant, "app": wanted.app.name, "exported_at": now(admin).await?, "files": written });
    let text = serde_json::to_string_pretty(&about).unwrap_or_default();
    std::fs::write(folder.join("tenant.json"), text + "\n").map_err(unwritable)?;
    Ok(written)
}

/// One statement past row-level security, its lines written out.
async fn as_admin(admin: &mut Client, text: &str, tenant: i32, out: &mut (dyn Write + Send)) -> Result<u64, StoreFault> {
    let transaction = admin.build_transaction().read_only(true).start().await?;
    transaction.batch_execute("set local row_security = off; set local time zone 'UTC'").await?;
    let rows = transaction.query_raw(text, [tenant]).await.map_err(StoreFault::doing("exporting"))?;
    lines(rows, out).await
}

async fn now(admin: &Client) -> Result<String, StoreFault> {
    Ok(admin.query_one(include_str!("../../queries/audit_now.sql"), &[]).await?.get(0))
}

/// A line of `records/` as import takes it: known by a key, nothing that is worked out, members by address.
fn importable(entity: &Entity, line: Line, emails: &Map<String, Value>) -> Map<String, Value> {
    let mut row = Map::new();
    for (name, value) in &line {
        match name.as_str() {
            "id" => drop(row.insert("key".into(), keyed(value))),
            "state" | "entered_at" => drop(row.insert(name.clone(), spelled(value))),
            _ => {
                if let Some(given) = given(&entity.fields, name, value, emails) {
                    row.insert(name.clone(), given);
                }
                let Some(child) = entity.children.get(name) else { continue };
                let rows: Vec<Line> = serde_json::from_str(value.get()).unwrap_or_default();
                let plain = |kind: &FieldKind| !matches!(kind, FieldKind::Ref(_) | FieldKind::Member);
                let rows = rows.iter().map(|line| {
                    let kept = line.iter().filter(|(name, _)| child.fields.get(name.as_str()).is_some_and(|field| plain(&field.kind)));
                    kept.filter_map(|(name, value)| Some((name.clone(), given(&child.fields, name, value, emails)?))).collect::<Map<_, _>>()
                });
                row.insert(name.clone(), rows.map(Value::Object).collect());
            }
        }
    }
    row
}

/// A value that import takes, or nothing for one that is worked out, a file, or somebody without an address.
fn given(fields: &Named<Field>, name: &str, value: &RawValue, emails: &Map<String, Value>) -> Option<Value> {
    let field = fields.get(name).filter(|field| field.derived.is_none())?;
    match &field.kind {
        FieldKind::File => None,
        _ if value.get() == "null" => None,
        FieldKind::Ref(_) => Some(keyed(value)),
        FieldKind::Member => emails.get(value.get().trim_matches('"')).cloned(),
        FieldKind::Json => serde_json::from_str(value.get()).ok(),
        _ => Some(spelled(value)),
    }
}

fn keyed(id: &RawValue) -> Value {
    format!("{KEY}{}", id.get().trim_matches('"')).into()
}

/// Numbers as text, so that no digit is lost; everything else as it is.
fn spelled(value: &RawValue) -> Value {
    let text = value.get();
    if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        text.into()
    } else {
        serde_json::from_str(text).unwrap_or_default()
    }
}

/// Addresses by id, from the members that were just written.
fn emails(folder: &Path) -> Result<Map<String, Value>, StoreFault> {
    let mut emails = Map::new();
    for line in BufReader::new(File::open(folder.join("members.jsonl")).map_err(unwritable)?).lines() {
        let member: Value = serde_json::from_str(&line.map_err(unwritable)?).unwrap_or_default();
        if let (Some(id), email @ Value::String(_)) = (member["id"].as_str(), &member["email"]) {
            emails.insert(id.to_owned(), email.clone());
        }
    }
    Ok(emails)
}

/// A file of lines as a JSON array, line by line.
fn array(from: &Path, out: BufWriter<File>, row: impl Fn(Line) -> Map<String, Value>) -> Result<u64, StoreFault> {
    write_array(BufReader::new(File::open(from).map_err(unwritable)?).lines(), out, row)
}

fn write_array(
    lines: impl Iterator<Item = std::io::Result<String>>,
    mut out: BufWriter<File>,
    row: impl Fn(Line) -> Map<String, Value>,
) -> Result<u64, StoreFault> {
    let mut rows = 0;
    for line in lines {
        let line = serde_json::from_str(&line.map_err(unwritable)?).map_err(|cause| unwritable(cause.into()))?;
        let text = serde_json::to_string(&row(line)).unwrap_or_default();
        write!(out, "{}{text}", if rows == 0 { "[\n" } else { ",\n" }).map_err(unwritable)?;
        rows += 1;
    }
    writeln!(out, "{}", if rows == 0 { "[]" } else { "\n]" }).map_err(unwritable)?;
    done(out)?;
    Ok(rows)
}

/// The folder, empty.
fn fresh(folder: &Path) -> Result<(), StoreFault> {
    let taken = std::fs::read_dir(folder).is_ok_and(|mut inside| inside.next().is_some());
    if taken {
        let fault = Fault::new(SH0003, format!("`{}` has something in it", folder.display()));
        return Err(fault.with_help("name a folder that is empty or not there yet").into());
    }
    std::fs::create_dir_all(folder.join("records")).map_err(unwritable)?;
    std::fs::create_dir_all(folder.join("import/rules")).map_err(unwritable)
}

fn create(folder: &Path, file: &str) -> Result<BufWriter<File>, StoreFault> {
    File::create(folder.join(file)).map(BufWriter::new).map_err(unwritable)
}

fn done(mut out: BufWriter<File>) -> Result<(), StoreFault> {
    out.flush().map_err(unwritable)
}
