//! Whoever holds a link: a session for programs, a page for people.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use statehouse_definition::model::{App, Entity, Link};
use statehouse_fault::{SH6004, SH6301};
use statehouse_store::links::{self, Followed};
use statehouse_store::record::{self, Move, Opening, Shape, Target};
use uuid::Uuid;

use super::mark::{self, Marked};
use super::page::{self, Page, say, text, widget};
use super::show::Shown;
use super::words::Words;
use crate::auth::{self, ProofHash, peer};
use crate::limits::Admitted;
use crate::people::At;
use crate::shared::Running;
use crate::{Json, Problem, Shared};

/// As long as the database keeps the session of a link.
const SESSION_S: u32 = 15 * 60;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Held {
    token: String,
}

/// `POST /v1/links/enter`: a cookie session on the one record, and the word that goes with it.
pub(super) async fn enter(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let peer = request.extensions().get::<axum::extract::ConnectInfo<std::net::SocketAddr>>().map(|info| info.0.ip());
    let Json(held) = Json::<Held>::from_request(request, &shared).await?;
    shared.shares.try_key(peer)?;
    let (running, followed) = (shared.running(), links::follow(&shared.entry, &held.token).await?);
    let link = link_of(&running.app, &followed)?;
    let body = json!({
        "purpose": followed.purpose, "entity": link.entity, "record": followed.record, "role": followed.session.role,
        "verbs": link.verbs, "csrf": auth::csrf_of(followed.session.token()), "lasts_s": SESSION_S,
    });
    let mut response = page::with(Json(body).into_response(), auth::opened(&shared.settings, followed.session.token()));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `GET /l/{token}`: shows and moves nothing, however often it is fetched.
pub(super) async fn show(State(shared): State<Arc<Shared>>, At(token): At<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let running = shared.running();
    let locale = page::locale(&parts, &running.app.locales);
    let shown = async {
        let visit = Visit::follow(&shared, &running, &token, &parts, &locale).await?;
        visit.page("", StatusCode::OK).await
    };
    shown.await.unwrap_or_else(|problem| page::refusal(&problem, &locale))
}

/// `POST /l/{token}`: the button that was pressed.
pub(super) async fn press(State(shared): State<Arc<Shared>>, At(token): At<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let running = shared.running();
    let locale = page::locale(&parts, &running.app.locales);
    let pressed = async {
        let sent = sent(&parts, body).await?;
        mark::check(&parts.headers, &token, sent.get("mark").map_or("", String::as_str))?;
        let visit = Visit::follow(&shared, &running, &token, &parts, &locale).await?;
        visit.fire(&sent).await
    };
    pressed.await.unwrap_or_else(|problem| page::refusal(&problem, &locale))
}

/// What a page sent.
async fn sent(parts: &Parts, body: axum::body::Body) -> Result<HashMap<String, String>, Problem> {
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(Problem::new(SH6004, "a page sends `application/x-www-form-urlencoded`"));
    }
    let bytes = Bytes::from_request(Request::new(body), &()).await.map_err(|cause| crate::limits::fault_of(&cause))?;
    Ok(form_urlencoded::parse(&bytes).into_owned().collect())
}

fn link_of<'a>(app: &'a App, followed: &Followed) -> Result<&'a Link, Problem> {
    let ours = app.links.get(&followed.purpose).filter(|_| followed.session.app == app.name);
    ours.ok_or_else(|| Problem::new(SH6301, "the link is not accepted"))
}

/// A link that was followed, on its way to a page.
struct Visit<'a> {
    shared: &'a Shared,
    app: &'a App,
    link: &'a Link,
    entity: &'a Entity,
    followed: Followed,
    token: &'a str,
    locale: &'a str,
    marked: Marked,
    _admitted: Admitted,
}

impl<'a> Visit<'a> {
    async fn follow(
        shared: &'a Shared,
        running: &'a Running,
        token: &'a str,
        parts: &Parts,
        locale: &'a str,
    ) -> Result<Visit<'a>, Problem> {
        shared.shares.try_key(peer(parts))?;
        let app = &running.app;
        let mut followed = links::follow(&shared.entry, token).await?;
        let admitted = shared.shares.admit(ProofHash::of("link", &[token]), followed.session.tenant)?;
        let link = link_of(app, &followed)?;
        let entity = app.entities.get(&link.entity).ok_or_else(|| Problem::new(SH6301, "the link is not accepted"))?;
        followed.session = followed.session.in_locale(locale);
        let marked = Marked::browser(&parts.headers, &shared.settings);
        Ok(Visit { shared, app, link, entity, followed, token, locale, marked, _admitted: admitted })
    }

    /// The record with a button for each verb that is open, below what is to be said first.
    async fn page(&self, said: &str, status: StatusCode) -> Result<Response, Problem> {
        let shape = Shape::of(self.app, &self.followed.session.role, &self.link.entity)?;
        let (db, session, record) = (&self.shared.api, &self.followed.session, Target::Id(self.followed.record));
        let seen = record::get(db, session, &shape, record).await?;
        let (_, _, openings) = record::openings(db, session, &shape, record).await?;
        let values: Map<String, Value> = serde_json::from_str(&seen.json).unwrap_or_default();
        let shown = Shown { entity: self.entity, locale: self.locale, currency: &self.app.currency };
        let body = format!("{said}{}{}", shown.html(&values), self.buttons(&openings, seen.version));
        let title = say(&self.link.label, self.locale, &self.followed.purpose);
        let page = Page { locale: self.locale, title, host: &self.followed.host, body };
        Ok(page::with(page.answer(status), self.marked.headers.clone()))
    }

    fn buttons(&self, openings: &[Opening], version: i32) -> String {
        let words = Words::of(self.locale);
        let ours = openings.iter().filter(|one| self.link.verbs.contains(&one.verb));
        let (open, closed): (Vec<&Opening>, Vec<&Opening>) = ours.partition(|one| one.open);
        let mut html = String::new();
        // Why a verb that is a matter of the moment is not open; one of another state says nothing to a person.
        for message in closed.iter().flat_map(|one| &one.refused).flat_map(|fault| &fault.refused_by).map(|one| &one.message) {
            html.push_str(&format!("<p class=\"refused\">{}</p>\n", text(message)));
        }
        if open.is_empty() && html.is_empty() && !self.link.verbs.is_empty() {
            html.push_str(&format!("<p>{}</p>\n", text(words.nothing)));
        }
        for one in open {
            html.push_str(&self.button(&one.verb, version));
        }
        html
    }

    fn button(&self, verb: &str, version: i32) -> String {
        let transition = &self.entity.transitions[verb];
        let hidden = [
            ("verb", verb.to_owned()),
            ("version", version.to_string()),
            ("key", Uuid::now_v7().to_string()),
            ("mark", self.marked.of(self.token)),
        ];
        let hidden: String =
            hidden.iter().map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", text(value))).collect();
        let inputs: String = transition
            .input
            .iter()
            .filter_map(|(name, input)| {
                Some(widget(&format!("input.{name}"), self.entity.fields.get(name)?, self.locale, input.required, ""))
            })
            .collect();
        let label = text(say(&transition.label, self.locale, verb));
        format!("<form method=\"post\" action=\"/l/{}\">{hidden}{inputs}<button>{label}</button></form>\n", text(self.token))
    }

    /// The verb that was pressed, on the version that was shown; the same page sent again is answered as it was.
    async fn fire(&self, sent: &HashMap<String, String>) -> Result<Response, Problem> {
        let verb = sent.get("verb").map_or("", String::as_str);
        let input: Map<String, Value> = sent
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("input.")?.to_owned(), value)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name, Value::from(value.as_str())))
            .collect();
        let input = (!input.is_empty()).then_some(Value::Object(input));
        let wanted = Move {
            entity: &self.link.entity,
            record: Target::Id(self.followed.record),
            verb,
            input: input.as_ref(),
            key: sent.get("key").map(String::as_str).filter(|key| !key.is_empty() && key.len() <= 64),
            version: sent.get("version").and_then(|version| version.parse().ok()),
        };
        match record::fire(&self.shared.api, &self.followed.session, &wanted).await {
            Ok(_) => {
                let label = self.entity.transitions.get(verb).map_or(verb, |one| say(&one.label, self.locale, verb));
                let said = format!("<p class=\"done\">{}: {}</p>\n", text(Words::of(self.locale).done), text(label));
                self.page(&said, StatusCode::OK).await
            }
            Err(fault) => self.refused(Problem::from(fault)).await,
        }
    }

    /// What refused, above the record as it stands now; where it is not to be seen any more, the refusal alone.
    async fn refused(&self, problem: Problem) -> Result<Response, Problem> {
        let words = Words::of(self.locale);
        let guards = problem.guards();
        let said = match (words.refusal(problem.code().code), guards.as_slice()) {
            (Some(words), _) => words.to_owned(),
            (None, []) => words.failed.to_owned(),
            (None, guards) => guards.join("; "),
        };
        let said = format!("<p class=\"refused\">{}</p>\n", text(&said));
        self.page(&said, problem.status()).await.or(Err(problem))
    }
}
