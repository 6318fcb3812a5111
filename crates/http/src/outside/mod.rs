//! What is owed to the outside and what has come from there, for those who look after it: every route asks for
//! `outside.manage`. What an effect is sent with, and what came back, is told nowhere here.
//!
//! | route | |
//! |---|---|
//! | `GET /v1/effects` | `state`, `limit`, `after`; `{data: [{id, entity, record, verb, connector, action, class, call, state, due_at, attempt, doubt, code, tried, finished_at}], next}` |
//! | `POST /v1/effects/{id}/replay` | 200 `{due}`: whether it is due again by this; to ask twice does it once |
//! | `POST /v1/effects/replay` | `{ids}` → 200 `{data: [{id, due}]}` |
//! | `POST /v1/effects/{id}/resolve` | `{happened, evidence}` → 204: what a person says became of one that is unknown |
//! | `GET /v1/gates` | `{data: [{connector, state, failures, opened_at, open_until, blocked_until, due, oldest_due_at}]}` |
//! | `GET /v1/messages` | `state`, `source`, `limit`, `after`; without what they say |
//! | `GET /v1/messages/{id}` | the same with its body, headers and query |
//! | `POST /v1/messages/{id}/replay` | 200 `{due}` |
//! | `POST /v1/messages/replay` | `{ids}` → 200 `{data: [{id, due}]}` |
//! | `POST /v1/messages/{id}/discard` | `{evidence}` → 200 `{discarded}`: it was done or must not be done |
//! | `GET /v1/held` | `kind`, `limit`, `after`; what a restore holds: `{data: [{id, kind, entity, record, verb, name, due_at, doubt}], next}` |
//! | `POST /v1/held/release` | `{ids}` → 200 `{data: [{id, released}]}` |
//! | `POST /v1/held/release-all` | `{kind?}` → 200 `{released}`: so many; ask again until it is none |
//! | `POST /v1/held/discard` | `{ids, evidence}` → 200 `{data: [{id, discarded}]}` |
//! | `GET /v1/endpoints` | `{data: [{id, source, account, label, made_by, created_at, revoked_at}]}` |
//! | `POST /v1/endpoints` | `{source, account?, label?}` → 201 with `url`, told this once |
//! | `DELETE /v1/endpoints/{id}` | 204 |

mod asked;
mod effects;
mod endpoints;
mod held;
mod messages;
mod queues;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, post};

use crate::Shared;
use crate::people::{Holder, ManagesOutside};
pub(crate) use queues::{Queues, print, told};

/// Who looks after the outside.
type Keeper = Holder<ManagesOutside>;

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/effects", get(effects::list))
        .route("/v1/effects/replay", post(effects::replay))
        .route("/v1/effects/{id}/replay", post(effects::replay_one))
        .route("/v1/effects/{id}/resolve", post(effects::resolve))
        .route("/v1/gates", get(effects::gates))
        .route("/v1/messages", get(messages::list))
        .route("/v1/messages/replay", post(messages::replay))
        .route("/v1/messages/{id}", get(messages::one))
        .route("/v1/messages/{id}/replay", post(messages::replay_one))
        .route("/v1/messages/{id}/discard", post(held::discard_message))
        .route("/v1/held", get(held::list))
        .route("/v1/held/release", post(held::release))
        .route("/v1/held/release-all", post(held::release_all))
        .route("/v1/held/discard", post(held::discard))
        .route("/v1/endpoints", get(endpoints::list).post(endpoints::make))
        .route("/v1/endpoints/{id}", delete(endpoints::revoke))
}
