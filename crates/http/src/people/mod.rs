//! Members, keys, sessions and the tenant itself. Every refusal is the database's; what is here is form.
//!
//! | route | |
//! |---|---|
//! | `GET /v1/me` | who asks: `{member, tenant, app, role, kind, session, capabilities, memberships}` |
//! | `GET /v1/members` | `members.manage`; `{data: [{id, name, email, role, extra, revoked, capabilities}], next}`, `limit`, `after` |
//! | `POST /v1/members` | `{email, name, role, extra?, revoked?}` → 201 |
//! | `PATCH /v1/members/{id}` | `{role?, extra?, revoked?}` → the member |
//! | `DELETE /v1/members/{id}` | 204; with keys and sessions |
//! | `GET /v1/keys` | one's own, with `keys.manage` the tenant's: `{data: [{id, label, member, name, created_at, used_at, expires, revoked_at}], next}` |
//! | `POST /v1/keys` | `{label, expires?, member?}` → 201 with `key`, told this once |
//! | `DELETE /v1/keys/{id}` | 204; its sessions end |
//! | `POST /v1/session` | `{api_key}` → 201 `{csrf, …}` as `/v1/me`, and a cookie |
//! | `GET /v1/session` | the same of the session in hand |
//! | `DELETE /v1/session` | 204; the session ends, the cookie goes |
//! | `POST /v1/session/tenant` | `{tenant}` → 201; a person who signed in goes to another tenant of theirs |
//! | `POST /v1/session/mail` | `{email, tenant?}` → 202, whoever asks and whatever for |
//! | `GET /v1/session/all` | one's own: `{data: [{id, role, opened_by, created_at, expires, current}]}` |
//! | `DELETE /v1/session/{id}` | 204 |
//! | `GET /sign-in/{token}` | a page with a button; `POST` uses the link up and answers 303 with a cookie |
//! | `GET /v1/tenant` | `{slug, name, market}`, and with `members.manage` `limits` and `usage` |
//! | `PATCH /v1/tenant` | `{name}` |

mod holder;
mod keys;
mod mail;
mod members;
mod page;
mod session;
mod shown;
mod tenant;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, patch, post};

use crate::Shared;

pub(crate) use holder::{EditsRules, Holder, ManagesOutside};
pub(crate) use page::At;
pub(crate) use shown::Shown;

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/me", get(members::me))
        .route("/v1/members", get(members::list).post(members::invite))
        .route("/v1/members/{id}", patch(members::change).delete(members::dismiss))
        .route("/v1/keys", get(keys::list).post(keys::make))
        .route("/v1/keys/{id}", delete(keys::revoke))
        .route("/v1/session", get(session::current).post(session::open).delete(session::leave))
        .route("/v1/session/tenant", post(session::switch))
        .route("/v1/session/mail", post(mail::ask))
        .route("/v1/session/all", get(session::list))
        .route("/v1/session/{id}", delete(session::end))
        .route("/v1/tenant", get(tenant::own).patch(tenant::rename))
        .route("/sign-in/{token}", get(mail::look).post(mail::enter))
}
