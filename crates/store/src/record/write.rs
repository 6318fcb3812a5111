//! A new record with its rows, an edit, and edits of the rows a record owns.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use statehouse_compile::sql::ident;
use statehouse_fault::{Code, Fault, SH4003, SH5002, SH5015};
use tokio_postgres::Row;
use uuid::Uuid;

use super::fire::{Moved, Target};
use super::get::{Seen, named, reachable, unseen};
use super::pipeline::{Text, in_order, typed, within};
use super::session::Session;
use super::shape::{CHILDREN_MAX, Shape};
use super::values::{Values, Wrong};
use super::{key, refusal};
use crate::{Db, StoreFault};

/// What was refused before Postgres was asked, place by place, or what Postgres refused.
#[derive(Debug)]
pub enum NotWritten {
    /// Keys that may not stand in the body, and values of another form.
    Wrong(Vec<Wrong>),
    /// Everything else.
    Fault(StoreFault),
}

impl From<StoreFault> for NotWritten {
    fn from(fault: StoreFault) -> NotWritten {
        NotWritten::Fault(fault)
    }
}

/// What a write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Where the record stood after it.
    pub moved: Moved,
    /// The record as the caller sees it now; none where it left the caller's sight.
    pub seen: Option<Seen>,
}

/// Creates a record from the fields of a body, with rows under the names of its children, in one transaction. With a key it
/// is made once.
///
/// # Errors
/// [`NotWritten::Wrong`] for what may not stand in the body; the refusal of the law; `SH6402` while the first request
/// with the key is under way; faults of storage.
pub async fn make(db: &Db, session: &Session, shape: &Shape<'_>, mut body: Values, key: Option<&str>) -> Result<Written, NotWritten> {
    if !shape.reach.creates {
        let entity = format!("{}.{}", shape.app.name, shape.entity.name);
        let fault = Fault::new(SH4003, format!("`{}` may not create `{entity}`", shape.role)).with_help("ask somebody whose role may");
        return Err(noted(db, session, shape, None, "created", fault.into()).await.into());
    }
    let mut wrong = Vec::new();
    let children = owned(shape, &mut body, &mut wrong);
    body.check("", &format!("when a `{}` is made", shape.entity.name), &shape.kinds(&shape.reach.creatable), &mut wrong);
    if !wrong.is_empty() {
        return Err(NotWritten::Wrong(wrong));
    }
    let mut tried = 0;
    loop {
        let fault = match attempt(db, session, shape, &body, &children, key).await {
            Ok(written) => return Ok(written),
            Err(fault) => key::in_flight(key, fault),
        };
        if tried == super::fire::RETRIES_MAX || fault.fault().code != SH5002 {
            return Err(noted(db, session, shape, None, "created", fault).await.into());
        }
        tried += 1;
        tokio::time::sleep(super::fire::pause(tried)).await;
    }
}

/// The rows under the names of children, each checked.
fn owned(shape: &Shape<'_>, body: &mut Values, wrong: &mut Vec<Wrong>) -> Vec<(String, Vec<Values>)> {
    let mut owned = Vec::new();
    for child in shape.reach.children.iter().filter(|child| !child.writable.is_empty()) {
        let Some(rows) = body.take(&child.name) else { continue };
        let pointer = format!("/{}", child.name);
        let Some(mut rows) = parsed::<Vec<Values>>(&rows).filter(|rows| rows.len() <= CHILDREN_MAX) else {
            let message = format!("`{}` is to be a list of at most {CHILDREN_MAX} objects", child.name);
            wrong.push(Wrong { pointer, message, code: SH5015 });
            continue;
        };
        for (at, row) in rows.iter_mut().enumerate() {
            checked_row(shape, &child.name, row, &format!("{pointer}/{at}"), wrong);
        }
        if !rows.is_empty() {
            owned.push((child.name.clone(), rows));
        }
    }
    owned
}

fn parsed<T: DeserializeOwned>(json: &RawValue) -> Option<T> {
    serde_json::from_str(json.get()).ok()
}

fn checked_row(shape: &Shape<'_>, child: &str, row: &mut Values, pointer: &str, wrong: &mut Vec<Wrong>) {
    let fields = &shape.entity.children[child].fields;
    let position = statehouse_definition::model::FieldKind::Integer;
    let writable = shape.reach.children.iter().find(|seen| seen.name == child).map(|seen| seen.writable.as_slice()).unwrap_or_default();
    let mut kinds = vec![("position", &position)];
    kinds.extend(writable.iter().map(|name| (name.as_str(), &fields[name].kind)));
    row.check(pointer, &format!("in `{child}`"), &kinds, wrong);
}

async fn attempt(
    db: &Db,
    session: &Session,
    shape: &Shape<'_>,
    body: &Values,
    children: &[(String, Vec<Values>)],
    key: Option<&str>,
) -> Result<Written, StoreFault> {
    let rows = |rows: &[Values]| format!("[{}]", rows.iter().map(Values::text).collect::<Vec<_>>().join(","));
    let owned: Vec<(String, String)> = children.iter().map(|(name, values)| (insert_rows(shape, name, values), rows(values))).collect();
    let fields = body.text();
    let under_key = key.filter(|_| !children.is_empty()).map(|_| {
        let all = children.iter().map(|(name, values)| format!("{}:{}", serde_json::Value::from(name.as_str()), rows(values)));
        format!("{{{}}}", all.collect::<Vec<_>>().join(","))
    });
    let first = insert(shape, body);
    let read = shape.single("nullif(current_setting('statehouse.made', true), '')::uuid");
    let mut statements: Vec<(&str, Vec<Text<'_>>)> = vec![(&first, vec![Some(&fields), key, under_key.as_deref()])];
    statements.extend(owned.iter().map(|(text, rows)| (text.as_str(), vec![Some(rows.as_str())])));
    statements.push((&read, Vec::new()));
    let answers = send(db, session, &format!("creating `{}`", shape.entity.name), &statements).await?;
    let moved = answers.first().and_then(|rows| rows.first()).map(moved);
    let moved = moved.ok_or_else(|| StoreFault::refused(statehouse_fault::SH9001, "a new record was not answered for"))?;
    Ok(Written { moved, seen: answers.last().and_then(|rows| rows.first()).map(Seen::of) })
}

/// The new record; the statements after it find its id in a setting of the transaction, and no rows to add if it was
/// made before under the same key.
fn insert(shape: &Shape<'_>, body: &Values) -> String {
    let view = shape.view();
    let names: Vec<String> = body.names().map(ident).collect();
    let list = |extra: &str| names.iter().map(String::as_str).chain(extra.split(", ")).collect::<Vec<_>>().join(", ");
    format!(
        "with made as (insert into {view} ({}) select {} from jsonb_populate_record(null::{view}, $1::jsonb) g returning id, state, version, key)
         select id, state, version, key is not null, set_config('statehouse.made', id::text, true), set_config('statehouse.fresh', (key is null)::text, true) from made",
        list("key, input"),
        names.iter().map(|name| format!("g.{name}")).chain(["$2".to_owned(), "$3::jsonb".to_owned()]).collect::<Vec<_>>().join(", ")
    )
}

/// The rows of one child, in the order given.
fn insert_rows(shape: &Shape<'_>, child: &str, rows: &[Values]) -> String {
    let view = shape.child_view(child);
    let mut names: Vec<&str> = Vec::new();
    for name in rows.iter().flat_map(Values::names) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let own = ident(&shape.entity.name);
    let names: Vec<String> = names.into_iter().map(ident).collect();
    let into: Vec<String> = [own].into_iter().chain(names.iter().cloned()).collect();
    let from: Vec<String> =
        ["current_setting('statehouse.made')::uuid".to_owned()].into_iter().chain(names.iter().map(|name| format!("g.{name}"))).collect();
    format!(
        "insert into {view} ({}) select {} from rows from (jsonb_populate_recordset(null::{view}, $1::jsonb)) with ordinality as g where current_setting('statehouse.fresh') = 'true' order by g.ordinality",
        into.join(", "),
        from.join(", ")
    )
}

/// Changes fields of a record. `version` is the one the caller saw; with a key the change is made once.
///
/// # Errors
/// As [`make`], `SH1002` where the caller sees no such record, `SH4012` when it stands at another version.
pub async fn edit(
    db: &Db,
    session: &Session,
    shape: &Shape<'_>,
    record: Target<'_>,
    mut body: Values,
    version: Option<i32>,
    key: Option<&str>,
) -> Result<Written, NotWritten> {
    reachable(shape, record)?;
    let mut wrong = Vec::new();
    body.check("", &format!("to a `{}`", shape.entity.name), &shape.kinds(&shape.reach.editable), &mut wrong);
    if !wrong.is_empty() {
        return Err(NotWritten::Wrong(wrong));
    }
    let (by, which) = named(record);
    let view = shape.view();
    let sets: String = body.names().map(|name| format!("{0} = g.{0}, ", ident(name))).collect();
    let column = key::by(record);
    let text = format!(
        "update {view} v set {sets}key = $3, version = coalesce($4::int, v.version) from jsonb_populate_record(null::{view}, $2::jsonb) g where v.{column} = {by} returning v.id, v.state, v.version, v.key is not null"
    );
    let read = shape.single(by);
    let (fields, seen_version) = (body.text(), version.map(|version| version.to_string()));
    let statements: [(&str, Vec<Text<'_>>); 2] =
        [(&text, vec![Some(&which), Some(&fields), key, seen_version.as_deref()]), (&read, vec![Some(&which)])];
    let doing = format!("editing `{}`", shape.entity.name);
    let mut tried = 0;
    let answers = loop {
        let fault = match send(db, session, &doing, &statements).await {
            Ok(answers) => break answers,
            Err(fault) => key::in_flight(key, fault),
        };
        if tried == super::fire::RETRIES_MAX || fault.fault().code != SH5002 {
            return Err(noted(db, session, shape, Some(record), "edited", fault).await.into());
        }
        tried += 1;
        tokio::time::sleep(super::fire::pause(tried)).await;
    };
    let seen = answers[1].first().map(Seen::of);
    match (answers[0].first().map(moved), seen) {
        (Some(moved), seen) => Ok(Written { moved, seen }),
        // Nothing was asked that was not so already.
        (None, Some(seen)) => {
            if let Some(version) = version.filter(|version| *version != seen.version) {
                let fault = stale(shape, &seen, version);
                return Err(noted(db, session, shape, Some(record), "edited", fault).await.into());
            }
            let moved = Moved { id: seen.id, state: seen.state.clone(), version: seen.version, replayed: false };
            Ok(Written { moved, seen: Some(seen) })
        }
        (None, None) => Err(noted(db, session, shape, Some(record), "edited", unseen(shape, record)).await.into()),
    }
}

fn stale(shape: &Shape<'_>, seen: &Seen, version: i32) -> StoreFault {
    let entity = format!("{}.{}", shape.app.name, shape.entity.name);
    let detail = format!("`{entity}` {} is at version {}, you saw {version}", seen.id, seen.version);
    Fault::new(statehouse_fault::SH4012, detail).with_help("fetch it again and decide on its new state").into()
}

/// What to do with a row that a record owns.
#[derive(Clone, Copy, Debug)]
pub enum RowEdit<'a> {
    /// A new one.
    Add(&'a Values),
    /// Other values for one.
    Change(Uuid, &'a Values),
    /// Away with one.
    Remove(Uuid),
}

/// Adds, changes or removes a row of a child; an edit of the record, which moves its version. The answer is the record, and
/// the row's id.
///
/// # Errors
/// As [`edit`]; `SH1002` also for a row that is not there.
pub async fn edit_row(
    db: &Db,
    session: &Session,
    shape: &Shape<'_>,
    record: Target<'_>,
    child: &str,
    what: RowEdit<'_>,
    version: Option<i32>,
) -> Result<(Uuid, Seen), NotWritten> {
    reachable(shape, record)?;
    if shape.child(child)?.writable.is_empty() {
        let fault =
            Fault::new(SH4003, format!("`{child}` are not for `{}` to change", shape.role)).with_help("ask somebody whose role may");
        return Err(noted(db, session, shape, Some(record), "edited", fault.into()).await.into());
    }
    let mut wrong = Vec::new();
    let mut values = match what {
        RowEdit::Add(values) | RowEdit::Change(_, values) => values.clone(),
        RowEdit::Remove(_) => Values::default(),
    };
    checked_row(shape, child, &mut values, "", &mut wrong);
    if !wrong.is_empty() {
        return Err(NotWritten::Wrong(wrong));
    }
    let (by, which) = named(record);
    let (text, fields) = (row_statement(shape, child, what, &values, key::by(record).as_str(), by), values.text());
    let row_id = match what {
        RowEdit::Change(id, _) | RowEdit::Remove(id) => Some(id.to_string()),
        RowEdit::Add(_) => None,
    };
    let expected = version.map(|version| version.to_string());
    let check = format!(
        "select statehouse.expect_version(v.version, $2::int, $3, v.id) from {} v where v.{} = {by} and $2 is not null",
        shape.view(),
        key::by(record)
    );
    let entity = format!("{}.{}", shape.app.name, shape.entity.name);
    let read = shape.single(by);
    let statements: [(&str, Vec<Text<'_>>); 3] = [
        (&text, vec![Some(&which), row_id.as_deref(), Some(&fields), expected.as_deref()]),
        (&check, vec![Some(&which), expected.as_deref(), Some(&entity)]),
        (&read, vec![Some(&which)]),
    ];
    let answers = match send(db, session, &format!("editing `{child}`"), &statements).await {
        Ok(answers) => answers,
        Err(fault) => return Err(noted(db, session, shape, Some(record), "edited", fault).await.into()),
    };
    let Some(seen) = answers[2].first().map(Seen::of) else {
        return Err(noted(db, session, shape, Some(record), "edited", unseen(shape, record)).await.into());
    };
    match answers[0].first() {
        Some(row) => Ok((row.get(0), seen)),
        None if version.is_some_and(|version| version != seen.version) => Err(stale(shape, &seen, version.unwrap_or_default()).into()),
        None => {
            Err(StoreFault::from(Fault::new(statehouse_fault::SH1002, format!("there is no such row of `{child}` that you can see")))
                .into())
        }
    }
}

/// `$1` the record, `$2` the row, `$3` its values, `$4` the version the caller saw: nothing is touched at another one.
fn row_statement(shape: &Shape<'_>, child: &str, what: RowEdit<'_>, values: &Values, column: &str, by: &str) -> String {
    let (view, root, own) = (shape.child_view(child), shape.view(), ident(&shape.entity.name));
    let names: Vec<String> = values.names().map(ident).collect();
    let current = format!("select v.id from {root} v where v.{column} = {by} and ($4::int is null or v.version = $4::int)");
    match what {
        RowEdit::Add(_) => {
            let into: String = names.iter().map(|name| format!(", {name}")).collect();
            let from: String = names.iter().map(|name| format!(", g.{name}")).collect();
            format!(
                "insert into {view} ({own}{into}) select v.id{from} from ({current}) v, jsonb_populate_record(null::{view}, $3::jsonb) g where $2::text is null returning id"
            )
        }
        RowEdit::Change(..) => {
            let mut sets: Vec<String> = names.iter().map(|name| format!("{name} = g.{name}")).collect();
            if sets.is_empty() {
                sets.push("position = c.position".to_owned());
            }
            format!(
                "update {view} c set {} from jsonb_populate_record(null::{view}, $3::jsonb) g where c.id = $2::uuid and c.{own} = ({current}) returning c.id",
                sets.join(", ")
            )
        }
        RowEdit::Remove(_) => {
            format!("delete from {view} c where c.id = $2::uuid and c.{own} = ({current}) and $3::text is not null returning c.id")
        }
    }
}

/// Statements of one transaction, sent together; the rows of each.
async fn send(db: &Db, session: &Session, doing: &str, statements: &[(&str, Vec<Text<'_>>)]) -> Result<Vec<Vec<Row>>, StoreFault> {
    let client = db.lean().await?;
    let typed: Vec<_> = statements.iter().map(|(text, given)| (*text, typed(given))).collect();
    let work = async {
        let all = typed.iter().map(|(text, given)| client.query_typed(text, given)).collect();
        in_order(all).await.into_iter().collect::<Result<Vec<_>, _>>()
    };
    within(&client, session, doing, "commit", work).await
}

fn moved(row: &Row) -> Moved {
    Moved { id: row.get(0), state: row.get(1), version: row.get(2), replayed: row.get(3) }
}

/// The refusal, once it has left its row.
async fn noted(db: &Db, session: &Session, shape: &Shape<'_>, record: Option<Target<'_>>, verb: &str, fault: StoreFault) -> StoreFault {
    let id = match record {
        Some(Target::Id(id)) => Some(id),
        _ => None,
    };
    refusal::note(db, session, &shape.entity.name, id, verb, &fault).await;
    fault
}

/// The code that stands for all of them: one that may not be there before one of another form.
pub fn worst(wrong: &[Wrong]) -> &'static Code {
    let unknown = wrong.iter().find(|one| one.code != SH5015);
    unknown.or(wrong.first()).map_or(SH5015, |one| one.code)
}
