//! Messages of outside systems, each source of a tenant at an address of its own.
//!
//! `POST /v1/in/{token}`, in this order: has too much of what came from there been refused, before a byte of the body is
//! read · whose the address is · the body, at most 1 MiB · is it its sender's own, over the bytes as they came · stored ·
//! the sender's own form of thanks. Nothing is remembered of a message before it is verified, and nobody is thanked for one
//! that is not stored. `GET /v1/in/{token}` answers the question some providers ask before they send.
//!
//! `endpoints` addresses at hand · `source` what the definition says of one · `refusals` floods · `certificate` proxies that
//! know the sender · `noted` what is kept of a message · `receive` the route · `counts` for `/metrics`.

mod certificate;
mod counts;
mod endpoints;
mod noted;
mod receive;
mod refusals;
mod source;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use statehouse_connect::secrets::{Secrets, Unreadable, Watched};
use statehouse_store::{Db, Login, Place, StoreFault};

use crate::limits::{self, ByName};
use crate::{Settings, Shared};
pub(crate) use counts::Counts;
use endpoints::{Endpoints, TokenHash};
use refusals::Refusals;

/// The largest body of a message; what the database keeps, too.
const BODY_MAX_BYTES: u64 = 1 << 20;
/// No sender waits longer than this for a row.
const STORED_WITHIN: Duration = Duration::from_secs(2);

/// The routes of this folder.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/v1/in/{token}", get(receive::question).post(receive::message))
        // A bank delivers below the address it was told: the standard of Pix has it put `/pix` behind.
        .route("/v1/in/{token}/pix", post(receive::message))
        .layer(limits::body_max(BODY_MAX_BYTES))
}

/// What all messages share.
pub(crate) struct Inbound {
    /// Connections that nothing else uses: what people do keeps no message waiting.
    db: Db,
    secrets: Watched,
    /// Secrets that the log has named as malformed, with the source they are of.
    malformed: Mutex<HashSet<(String, String)>>,
    endpoints: Endpoints,
    refusals: Refusals,
    shares: ByName<TokenHash>,
    /// What became of them.
    pub(crate) counts: Counts,
}

impl Inbound {
    /// Opens the pool and reads the secrets.
    ///
    /// # Errors
    /// `SH7008` for a file of secrets that cannot be read.
    pub(crate) fn open(settings: &Settings, place: &Place) -> Result<Inbound, StoreFault> {
        let inbound = &settings.inbound;
        let file = Some(PathBuf::from(&settings.secrets.file)).filter(|file| !file.as_os_str().is_empty());
        let secrets = Watched::open(file, std::env::vars(), told);
        let secrets = secrets.map_err(|cause| StoreFault::refused(statehouse_fault::SH7008, cause.to_string()))?;
        warn_of(&secrets.now());
        Ok(Inbound {
            db: Db::open_with(place, Login::Server, inbound.connections, inbound.wait(), STORED_WITHIN)?,
            secrets,
            malformed: Mutex::default(),
            endpoints: Endpoints::default(),
            refusals: Refusals::new(inbound),
            shares: ByName::new(inbound.rate_per_endpoint, inbound.requests_per_endpoint),
            counts: Counts::default(),
        })
    }

    /// Whether this secret of this source is malformed for the first time: the log says it once, and not with each message.
    fn is_first(&self, source: &str, secret: &str) -> bool {
        self.malformed.lock().unwrap_or_else(PoisonError::into_inner).insert((source.to_owned(), secret.to_owned()))
    }

    /// The pool, for its load.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }
}

fn told(read: Result<&Secrets, &Unreadable>) {
    match read {
        Ok(secrets) => {
            tracing::info!("the secrets were read again");
            warn_of(secrets);
        }
        Err(why) => tracing::error!(%why, "the secrets have changed and are not followed"),
    }
}

fn warn_of(secrets: &Secrets) {
    for warning in secrets.warnings() {
        tracing::warn!("{warning}");
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbound")
    }
}
