//! Who asks.

use std::future::Future;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use statehouse_fault::SH2002;
use statehouse_store::record::Session;
use statehouse_store::{Db, StoreFault};

use crate::auth::{self, Proof};
use crate::limits::{Admitted, Connection};
use crate::{Problem, Shared};

/// Who asks: a living session with its share of the server, or the request is refused before its body is read.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Of the caller: app, tenant, role, actor; told things in the caller's language.
    pub session: Session,
    proof: Proof,
    shared: Arc<Shared>,
    _admitted: Admitted,
}

impl Caller {
    /// Asks the store in the caller's name. A session may have ended since it was exchanged for the key; then the key is
    /// exchanged again and asked once more, which is safe, because what an ended session asked was not done.
    ///
    /// ```ignore
    /// let moved = caller.ask(|db, session| async move { fire(&db, &session, &wanted).await }).await?;
    /// ```
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn ask<T, F, W>(&self, work: F) -> Result<T, StoreFault>
    where
        F: Fn(Db, Session) -> W,
        W: Future<Output = Result<T, StoreFault>>,
    {
        let first = work(self.shared.api.clone(), self.session.clone()).await;
        let ended = matches!(&first, Err(fault) if fault.fault().code == SH2002);
        if !ended {
            return first;
        }
        match self.proof.renew(&self.shared, &self.session).await {
            None => first,
            Some(renewed) => work(self.shared.api.clone(), renewed?.in_locale(self.session.locale.clone())).await,
        }
    }

    /// Whether the caller is a person in a browser, by a cookie of ours.
    pub fn is_by_cookie(&self) -> bool {
        matches!(self.proof, Proof::Cookie(_))
    }

    /// Whether the caller brought an API key.
    pub fn is_by_key(&self) -> bool {
        matches!(self.proof, Proof::Key(_))
    }
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Caller, Problem> {
        let proof = Proof::read(parts, shared)?;
        let session = proof.session(shared, auth::peer(parts)).await?;
        if let Some(connection) = parts.extensions.get::<Arc<Connection>>() {
            connection.prove();
        }
        let admitted = shared.shares.admit(proof.hash(), session.tenant)?;
        let locale = locale(parts, &shared.running().app.locales);
        Ok(Caller { session: session.in_locale(locale), proof, shared: Arc::clone(shared), _admitted: admitted })
    }
}

/// The first language of the caller that the app speaks, else none, which is the app's first.
pub(crate) fn locale(parts: &Parts, spoken: &[String]) -> String {
    let wanted = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let tags = wanted.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
    let mut found = tags.filter_map(|tag| {
        let primary = tag.split('-').next().unwrap_or_default();
        spoken.iter().find(|locale| locale.eq_ignore_ascii_case(tag) || locale.eq_ignore_ascii_case(primary))
    });
    found.next().cloned().unwrap_or_default()
}
