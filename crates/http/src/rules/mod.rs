//! Rule tables of the app as they hold for the caller's tenant, and the tenant's own rows. All ask for `rules.edit`.
//!
//! | route | |
//! |---|---|
//! | `GET /v1/rules/{table}` | `{data: [{id, scope: tenant\|market\|app, holds, row: {…columns…}}]}` |
//! | `POST /v1/rules/{table}` | the columns, `valid_from`, `source`, `valid_to?`, `checked_on?` → 201 |
//! | `PATCH /v1/rules/{table}/{id}` | `{valid_to: date\|null}` → the row |
//! | `DELETE /v1/rules/{table}/{id}` | 204, for a row that does not hold yet |

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use statehouse_definition::model::RuleTable;
use statehouse_fault::{SH1002, SH6513};
use statehouse_store::people::rules;
use uuid::Uuid;

use crate::people::{At, EditsRules, Holder};
use crate::problem::Wrong;
use crate::{Json, Problem, Shared};

/// What every row says besides its own columns.
const OWN: [&str; 4] = ["valid_from", "valid_to", "source", "checked_on"];

type Editor = Holder<EditsRules>;

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/v1/rules/{table}", get(list).post(add)).route("/v1/rules/{table}/{id}", patch(end).delete(take_back))
}

/// The one thing of a row that changes; it must be said, if only as null.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    #[serde(deserialize_with = "said")]
    valid_to: Option<String>,
}

/// Present, even where null: serde takes a missing `Option` for null unless it is read by hand.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

async fn list(editor: Editor, At(table): At<String>) -> Result<Json<Value>, Problem> {
    let table = &table;
    let found = editor.caller.ask(|db, session| async move { rules::rules(&db, &session, table).await }).await?;
    let data: Vec<Value> = found.into_iter().map(shown).collect();
    Ok(Json(json!({ "data": data })))
}

async fn add(
    editor: Editor,
    State(shared): State<Arc<Shared>>,
    At(table): At<String>,
    Json(row): Json<Value>,
) -> Result<Response, Problem> {
    if let Some(definition) = shared.running().app.tables.get(&table) {
        known(&table, definition, &row)?;
    }
    let (table, row) = (&table, &row);
    let made = editor.caller.ask(|db, session| async move { rules::add(&db, &session, table, row).await }).await?;
    let location = format!("/v1/rules/{table}/{}", made["id"].as_str().unwrap_or_default());
    let mut response = (StatusCode::CREATED, Json(shown(made))).into_response();
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Every key is a column of the table that a tenant gives; the database asks again.
fn known(name: &str, table: &RuleTable, row: &Value) -> Result<(), Problem> {
    let column = |key: &str| OWN.contains(&key) || table.matches.contains_key(key) || table.values.contains_key(key);
    let more = row.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| !column(key));
    let wrong: Vec<Wrong> = more
        .map(|key| Wrong {
            pointer: format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            message: format!("`{name}` has no column to give named `{key}`"),
            code: SH6513.code,
        })
        .collect();
    match wrong.first() {
        None => Ok(()),
        Some(first) => Err(Problem::new(SH6513, first.message.clone()).with_errors(wrong)),
    }
}

async fn end(editor: Editor, At((table, id)): At<(String, String)>, Json(end): Json<End>) -> Result<Json<Value>, Problem> {
    let (id, table, valid_to) = (row(&id)?, &table, end.valid_to.as_deref());
    let ended = editor.caller.ask(|db, session| async move { rules::end(&db, &session, table, id, valid_to).await }).await?;
    Ok(Json(shown(ended)))
}

async fn take_back(editor: Editor, At((table, id)): At<(String, String)>) -> Result<StatusCode, Problem> {
    let (id, table) = (row(&id)?, &table);
    editor.caller.ask(|db, session| async move { rules::take_back(&db, &session, table, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is no id is answered as an id of nothing, in the very words of the database.
fn row(id: &str) -> Result<Uuid, Problem> {
    let nothing = || Problem::new(SH1002, "there is no such row of your own");
    id.parse().map_err(|_| nothing().with_help("list the rows; those of the app and the market are not yours to change"))
}

/// `says` of the database is `row` here.
fn shown(mut rule: Value) -> Value {
    if let Some(fields) = rule.as_object_mut() {
        let says = fields.remove("says").unwrap_or_default();
        fields.insert("row".into(), says);
    }
    rule
}
