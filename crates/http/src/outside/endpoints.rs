//! Addresses at which outside systems send messages.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use statehouse_fault::{SH1002, SH5015};
use statehouse_store::inbox;
use uuid::Uuid;

use super::Keeper;
use crate::people::At;
use crate::problem::Wrong;
use crate::{Json, Problem, Shared};

/// An address to be made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    source: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    label: String,
}

pub(super) async fn list(keeper: Keeper) -> Result<Json<Value>, Problem> {
    let found = keeper.caller.ask(|db, session| async move { inbox::endpoints(&db, &session).await }).await?;
    Ok(Json(json!({ "data": found })))
}

pub(super) async fn make(keeper: Keeper, State(shared): State<Arc<Shared>>, Json(wanted): Json<Wanted>) -> Result<Response, Problem> {
    let running = shared.running();
    wanted.check(&running.app)?;
    let (app, wanted) = (&running.app, &wanted);
    let making = |db, session| async move {
        inbox::make_endpoint(&db, &session, app, &wanted.source, wanted.account.as_deref(), &wanted.label).await
    };
    let mut made = keeper.caller.ask(making).await?;
    if let Some(fields) = made.as_object_mut() {
        let token = fields.remove("token").unwrap_or_default();
        fields.insert("url".into(), url(&shared.base_url, token.as_str().unwrap_or_default()).into());
    }
    let place = format!("/v1/endpoints/{}", made["id"].as_str().unwrap_or_default());
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

pub(super) async fn revoke(keeper: Keeper, At(id): At<String>) -> Result<StatusCode, Problem> {
    let id = id.parse().unwrap_or(Uuid::nil());
    match keeper.caller.ask(|db, session| async move { inbox::revoke_endpoint(&db, &session, id).await }).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(SH1002, "there is no such address that you can see").with_help("check the id")),
    }
}

impl Wanted {
    fn check(&self, app: &statehouse_definition::App) -> Result<(), Problem> {
        let known = app.inboxes.contains_key(&self.source);
        let account = self.account.as_ref().is_none_or(|account| (1..=255).contains(&account.chars().count()));
        let wrong = [
            ("/source", known, "`source` is none of the app's"),
            ("/account", account, "`account` has 1 to 255 characters"),
            ("/label", self.label.chars().count() <= 100, "`label` has at most 100 characters"),
        ];
        let wrong: Vec<Wrong> = wrong
            .into_iter()
            .filter(|(_, fine, _)| !fine)
            .map(|(pointer, _, message)| Wrong { pointer: pointer.into(), message: message.into(), code: SH5015.code })
            .collect();
        match wrong.first() {
            None => Ok(()),
            Some(first) => Err(Problem::new(SH5015, first.message.clone()).with_errors(wrong)),
        }
    }
}

/// The whole address.
fn url(base: &str, token: &str) -> String {
    format!("{base}/v1/in/{token}")
}
