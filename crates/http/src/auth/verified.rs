//! Sessions of people whom somebody else has verified: what a way to sign in that is built in by a feature is given.

use std::net::IpAddr;
use std::time::Duration;

use axum::http::HeaderMap;
use statehouse_fault::SH2004;
use statehouse_store::record;

use crate::{Problem, Shared, auth};

/// The longest that the database opens a session for by this door.
const LASTS: Duration = Duration::from_secs(12 * 60 * 60);

impl Shared {
    /// Whether this address may try to sign in now; tries are counted with the keys it brings.
    ///
    /// # Errors
    /// `SH6007`.
    pub fn may_try(&self, peer: Option<IpAddr>) -> Result<(), Problem> {
        self.shares.try_key(peer)
    }

    /// The header that gives a browser a session of the member of `tenant` (its slug) with this verified address; `None` where
    /// there is no such member.
    ///
    /// # Errors
    /// Faults of storage.
    pub async fn open_verified(&self, email: &str, tenant: &str) -> Result<Option<HeaderMap>, Problem> {
        let app = self.running().app.name.clone();
        match record::open(&self.server, email, tenant, &app, LASTS).await {
            Ok(session) => Ok(Some(auth::opened(&self.settings, session.token()))),
            Err(fault) if fault.fault().code == SH2004 => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }
}
