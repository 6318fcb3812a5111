//! Lets Postgres type every expression and explain every row rule, in a scratch database that is rolled back.
//!
//! A function's body is not judged when it is made, so each expression is prepared by itself: over the table it is
//! about, in the place where its value will go. What Postgres says is mapped back to the author's line and column.

mod expressions;
mod rules;

use statehouse_compile::{compile, engine};
use statehouse_definition::{App, Finding, tidy};
use statehouse_fault::SH3026;
use tokio_postgres::error::{DbError, ErrorPosition};
use tokio_postgres::{Client, Error};

use expressions::Asked;

use super::scratch::{self, Scratch};
use crate::{Place, StoreFault};

/// What Postgres finds wrong, sorted by place. The app must have passed the pure check.
///
/// # Errors
/// When the scratch database cannot be made or asked.
pub async fn check(place: &Place, app: &App) -> Result<Vec<Finding>, StoreFault> {
    let maintenance = scratch::maintenance(place).await?;
    let scratch = Scratch::make(&maintenance, place).await?;
    let found = judge(&scratch.client, app).await;
    scratch.drop(&maintenance).await;
    found
}

async fn judge(client: &Client, app: &App) -> Result<Vec<Finding>, StoreFault> {
    client.batch_execute("begin").await?;
    client.batch_execute(&engine::install()).await.map_err(StoreFault::doing("installing the engine"))?;
    let unmade = make(client, app).await?;
    let mut findings = Vec::new();
    for asked in expressions::all(app) {
        findings.extend(ask(client, app, &asked).await?);
    }
    if findings.is_empty() {
        // Nothing an author wrote explains why an object cannot be made: the compiler's text is at fault.
        if let Some((object, cause)) = unmade.into_iter().next() {
            return Err(StoreFault::Postgres { doing: format!("making {object}"), cause });
        }
        findings.extend(rules::explain(client, app).await?);
    }
    client.batch_execute("rollback").await?;
    tidy(&mut findings);
    Ok(findings)
}

/// Makes what can be made, without the checks of fields: a table with a check that cannot be typed would be missing
/// for every other expression about it. Returns what could not be made.
async fn make(client: &Client, app: &App) -> Result<Vec<(String, Error)>, StoreFault> {
    let mut plain = app.clone();
    for entity in plain.entities.values_mut() {
        let children = entity.children.values_mut().flat_map(|child| child.fields.values_mut());
        entity.fields.values_mut().chain(children).for_each(|field| field.check = None);
    }
    let compiled = compile(&plain).map_err(|fault| StoreFault::refused(statehouse_fault::SH9001, fault.to_string()))?;
    let mut unmade = Vec::new();
    for object in &compiled.objects {
        client.batch_execute("savepoint one; set role statehouse_owner").await?;
        let made = client.batch_execute(&object.sql).await;
        client.batch_execute(if made.is_ok() { "reset role; release one" } else { "rollback to one; reset role" }).await?;
        unmade.extend(made.err().map(|cause| (object.id.to_string(), cause)));
    }
    Ok(unmade)
}

/// Prepares one expression; nothing is run.
async fn ask(client: &Client, app: &App, asked: &Asked<'_>) -> Result<Option<Finding>, StoreFault> {
    client.batch_execute("savepoint one").await?;
    let prepared = client.prepare(&asked.sql()).await;
    client.batch_execute("rollback to one").await?;
    let Err(cause) = prepared else {
        return Ok(None);
    };
    match cause.as_db_error() {
        Some(said) => Ok(Some(finding(app, asked, said))),
        None => Err(cause.into()),
    }
}

fn finding(app: &App, asked: &Asked<'_>, said: &DbError) -> Finding {
    let (message, place) = match mismatch(said.message()) {
        Some(words) => (words, None),
        None => (said.message().to_owned(), asked.author(position(said))),
    };
    let place = place.unwrap_or(0..asked.expr.text.len());
    let at = app.places.within(asked.expr, place.start, place.len());
    let message = format!("{}: {message}", asked.what);
    Finding::error(SH3026.code, &at, message).label("cannot be typed").help(said.hint().map_or(SH3026.help.to_owned(), lower))
}

/// The column and the value have no common type; `coalesce` was our word, not the author's.
fn mismatch(message: &str) -> Option<String> {
    let types = message.strip_prefix("COALESCE types ")?.strip_suffix(" cannot be matched")?;
    let (column, value) = types.split_once(" and ")?;
    Some(format!("the field is `{column}`, this is `{value}`"))
}

/// 1-based, in characters, as Postgres counts.
fn position(said: &DbError) -> Option<usize> {
    match said.position() {
        Some(ErrorPosition::Original(position)) => usize::try_from(*position).ok(),
        _ => None,
    }
}

/// Postgres's hint in the form of ours: lower case, no full stop.
fn lower(hint: &str) -> String {
    let hint = hint.trim_end_matches('.');
    let mut letters = hint.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}
