//! Records of an entity as a role sees them, a page at a time.

mod cursor;
mod query;

use statehouse_compile::sql::ident;
use statehouse_definition::model::FieldKind;
use uuid::Uuid;

use self::cursor::Last;
use self::query::{By, Query, bound, refused};
pub use self::query::{FIELDS_MAX, Listing, PAGE, PAGE_MAX, SORTS_MAX, ranked};
use super::pipeline::{Text, typed, within};
use super::session::Session;
use super::shape::Shape;
use crate::{Db, StoreFault};

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Records as JSON objects.
    pub records: Vec<String>,
    /// The cursor of the next page; none where this is the last.
    pub next: Option<String>,
    /// How many match, where it was asked.
    pub count: Option<i64>,
}

/// Lists records. Filters, order and cursor are over the columns of the role's view; a masked column is its mask. The page
/// begins after the cursor's row by value, so rows that come and go move nothing.
///
/// # Errors
/// `SH6010` for a filter, order, limit or cursor that cannot be meant, naming what the role sees; faults of storage.
pub async fn list(db: &Db, session: &Session, shape: &Shape<'_>, asked: &Listing) -> Result<Page, StoreFault> {
    let query = Query::read(shape, asked)?;
    let mut values: Vec<Option<String>> = Vec::new();
    let mut matching: Vec<String> = Vec::new();
    for condition in &query.conditions {
        matching.push(numbered(&condition.sql, &condition.value, &mut values));
    }
    let counted = matching.len();
    let counted_values = values.len();
    if let Some(cursor) = &asked.after {
        let last = Last::open(cursor, &query.words).filter(|last| last.values.len() == query.order.len());
        let last =
            last.ok_or_else(|| refused("the cursor is not of this question", "take `next` of the page before, and ask as before"))?;
        matching.push(beyond(&query, &last, &mut values)?);
    }
    let text = page(shape, &query, &matching);
    let count = format!("select count(*) from {} v{}", shape.view(), filtered(&matching[..counted]));
    let given: Vec<Text<'_>> = values.iter().map(Option::as_deref).collect();
    let (all, few) = (typed(&given), typed(&given[..counted_values]));
    let client = db.lean().await?;
    let work = async {
        let counting = async {
            match asked.count {
                true => client.query_typed(&count, &few).await.map(Some),
                false => Ok(None),
            }
        };
        let (rows, counted) = futures_util::future::join(client.query_typed(&text, &all), counting).await;
        Ok((rows?, counted?))
    };
    let (rows, counted) = within(&client, session, &format!("listing `{}`", shape.entity.name), "commit", work).await.map_err(readable)?;
    let limit = query.limit as usize;
    let next = (rows.len() > limit).then(|| rows.get(limit - 1)).flatten().map(|row| {
        let values = (0..query.order.len()).map(|at| row.get(at + 2)).collect();
        Last { values, id: row.get::<_, Uuid>(1) }.seal(&query.words)
    });
    Ok(Page {
        records: rows.iter().take(limit).map(|row| row.get(0)).collect(),
        next,
        count: counted.and_then(|rows| rows.first().map(|row| row.get(0))),
    })
}

/// A value that has the form of its type and yet is none, such as the 30th of February, is the question's fault.
fn readable(fault: StoreFault) -> StoreFault {
    match fault.sqlstate() {
        Some(state) if state.starts_with("22") => refused(fault.fault().detail, "correct the value"),
        _ => fault,
    }
}

fn quoted(column: &str) -> String {
    format!("v.{}", ident(column))
}

/// The condition with its value's number for `$`.
fn numbered(sql: &str, value: &Option<String>, values: &mut Vec<Option<String>>) -> String {
    if value.is_none() {
        return sql.to_owned();
    }
    values.push(value.clone());
    sql.replace("$::", &format!("${}::", values.len()))
}

fn filtered(matching: &[String]) -> String {
    if matching.is_empty() { String::new() } else { format!(" where {}", matching.join(" and ")) }
}

/// One row more than the page, to know whether there is a next one.
fn page(shape: &Shape<'_>, query: &Query, matching: &[String]) -> String {
    let keys: String = query.order.iter().map(|by| format!(", {}::text", quoted(&by.column.name))).collect();
    let falls = |falling: bool| if falling { " desc" } else { "" };
    let mut order: Vec<String> = query.order.iter().map(|by| format!("{}{}", quoted(&by.column.name), falls(by.falling))).collect();
    order.push(format!("v.id{}", falls(query.id_falling)));
    format!(
        "select (select row_to_json(x)::text from (select {}) x), v.id{keys} from {} v{} order by {} limit {}",
        shape.select("v", |name| query.shows(name)),
        shape.view(),
        filtered(matching),
        order.join(", "),
        query.limit + 1
    )
}

/// What comes after the last row: later in the first column, or the same there and later in the next, and so on to the id.
/// Rising puts nulls last and falling first, as Postgres does.
fn beyond(query: &Query, last: &Last, values: &mut Vec<Option<String>>) -> Result<String, StoreFault> {
    let (mut ways, mut same) = (Vec::new(), Vec::new());
    for (by, value) in query.order.iter().zip(&last.values) {
        let (later, equal) = step(by, value.as_deref(), values)?;
        if let Some(later) = later {
            ways.push([same.as_slice(), &[later]].concat().join(" and "));
        }
        same.push(equal);
    }
    values.push(Some(last.id.to_string()));
    let id = format!("v.id {} ${}::uuid", if query.id_falling { "<" } else { ">" }, values.len());
    ways.push([same.as_slice(), &[id]].concat().join(" and "));
    Ok(format!("({})", ways.join(" or ")))
}

/// How one column comes later than a value, if anything does, and how it equals it.
fn step(by: &By, value: Option<&str>, values: &mut Vec<Option<String>>) -> Result<(Option<String>, String), StoreFault> {
    let column = quoted(&by.column.name);
    let Some(value) = value else {
        return Ok((by.falling.then(|| format!("{column} is not null")), format!("{column} is null")));
    };
    // Postgres wrote it, unless somebody else did: then it fails as a value of a filter does.
    values.push(Some(if by.column.kind == FieldKind::Timestamp { value.to_owned() } else { bound(&by.column, value)? }));
    let given = format!("${}::{}", values.len(), by.column.pg_type);
    let later = if by.falling { format!("{column} < {given}") } else { format!("({column} > {given} or {column} is null)") };
    Ok((Some(later), format!("{column} = {given}")))
}
