//! What a request proves itself with, and the session it is exchanged for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::header;
use axum::http::request::Parts;
use statehouse_fault::{Fault, SH2001, SH2003, SH6301};
use statehouse_store::record::{self, Session};
use statehouse_store::{StoreFault, links};

use super::sessions::ProofHash;
use super::{cookie, jwt};
use crate::{Problem, Shared};

/// Sessions of keys live 12 hours in the database; ours end before, so that none expires in the middle of a request.
const KEY_KEPT: Duration = Duration::from_secs(11 * 60 * 60);
/// A session opened for a token of another issuer; the token itself is read again at every request.
const TOKEN_LASTS: Duration = Duration::from_secs(60 * 60);
const TOKEN_KEPT: Duration = Duration::from_secs(50 * 60);
/// Sessions of links live 15 minutes in the database, or as long as the link.
const LINK_KEPT: Duration = Duration::from_secs(14 * 60);
/// What a cookie stands for is looked up again after this long.
const COOKIE_KEPT: Duration = Duration::from_secs(60 * 60);
/// No key or token of ours or anybody's is longer.
const CREDENTIAL_MAX: usize = 8 << 10;
/// A tenant's slug, and the secret at the end of a key that was made here: 256 bits in base64url.
const SLUG_MAX: usize = 40;
const SECRET_CHARS: usize = 43;
/// The token of a link: 256 bits in hexadecimal.
const LINK_CHARS: usize = 64;
/// Keys that somebody wrote into the database by hand have any form; none is longer.
const OTHER_KEY_MAX: usize = 128;

/// What a request proves itself with. The text of a key or cookie is kept for as long as its request lasts.
#[derive(Clone)]
pub(crate) enum Proof {
    /// An API key, or the token of a link.
    Key(Arc<str>),
    /// A verified token of an issuer we trust: whom it names, and of which tenant.
    Token { email: Arc<str>, tenant: Arc<str> },
    /// The session token in a cookie of ours.
    Cookie(Arc<str>),
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Proof::Key(_) => "Key",
            Proof::Token { .. } => "Token",
            Proof::Cookie(_) => "Cookie",
        })
    }
}

impl Proof {
    /// Reads the proof of a request; one that is there and wrong is refused, whatever else there is.
    ///
    /// # Errors
    /// `SH2001` where there is none, `SH2003` for an `authorization` that is not read, `SH66…` for a token or cookie that is not accepted.
    pub(crate) fn read(parts: &Parts, shared: &Shared) -> Result<Proof, Problem> {
        if parts.headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
            return Err(Problem::new(SH2003, "`authorization` stands twice"));
        }
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return cookie::read(parts, shared)?.map(|token| Proof::Cookie(token.into())).ok_or_else(nobody);
        };
        let text = value.to_str().ok().filter(|text| text.len() <= CREDENTIAL_MAX);
        let credential = text.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let credential = credential.map(|(_, token)| token.trim()).filter(|token| !token.is_empty());
        let credential = credential.ok_or_else(|| Problem::new(SH2003, "`authorization` is to be `Bearer` and a key"))?;
        match &shared.issuer {
            Some(issuer) if jwt::looks_like(credential) => {
                let person = issuer.verify(credential)?;
                Ok(Proof::Token { email: person.email.into(), tenant: person.tenant.into() })
            }
            _ => Ok(Proof::Key(credential.into())),
        }
    }

    /// By what its session and its share of the server are found.
    pub(crate) fn hash(&self) -> ProofHash {
        match self {
            Proof::Key(key) => ProofHash::of_key(key),
            Proof::Token { email, tenant } => ProofHash::of("token", &[email, tenant]),
            Proof::Cookie(token) => ProofHash::of("cookie", &[token]),
        }
    }

    /// The session at hand, else a new one. An address that brings many proofs nobody here knows is told to wait before
    /// the database is asked, and answered late; those exchanges have connections of their own.
    ///
    /// # Errors
    /// `SH2002`, `SH2003` or `SH2004` for what is not accepted, `SH6007` for too many, faults of storage.
    pub(crate) async fn session(&self, shared: &Shared, peer: Option<IpAddr>) -> Result<Session, Problem> {
        let known = match self {
            Proof::Key(key) => well_formed(key),
            _ => Ok(()),
        };
        match known.and_then(|()| Ok(shared.sessions.find(&self.hash())?)) {
            Ok(Some(session)) => return Ok(session),
            Ok(None) => {}
            Err(refused) => {
                shared.shares.refused(peer).await;
                return Err(refused);
            }
        }
        // Counted where it is looked up, so that a crowd with one and the same key counts once.
        let mut too_many = None;
        let allowed = || shared.shares.try_key(peer).map_err(|problem| too_many.insert(problem).fault());
        let exchanged = self.exchange(shared, allowed).await;
        if let Some(problem) = too_many {
            shared.shares.late().await;
            return Err(problem);
        }
        let session = exchanged?;
        shared.shares.welcome(peer);
        Ok(session)
    }

    /// A new session in place of one that has ended; `None` where there can be none.
    pub(crate) async fn renew(&self, shared: &Shared, ended: &Session) -> Option<Result<Session, StoreFault>> {
        shared.sessions.forget(&self.hash(), ended);
        match self {
            Proof::Cookie(_) => None,
            _ => Some(self.exchange(shared, || Ok(())).await),
        }
    }

    async fn exchange(&self, shared: &Shared, allowed: impl FnOnce() -> Result<(), StoreFault>) -> Result<Session, StoreFault> {
        let app = shared.running().app.name.clone();
        let of_this_app = |session: Session| {
            if session.app == app { Ok(session) } else { Err(StoreFault::refused(SH2003, "the key is not accepted")) }
        };
        let sessions = &shared.sessions;
        match self {
            // The token of a link is brought as a key is; what it opens is one record.
            Proof::Key(token) if token.starts_with("lk_") => {
                let following = async {
                    allowed()?;
                    of_this_app(links::follow(&shared.entry, token).await?.session)
                };
                sessions.exchange(self.hash(), LINK_KEPT, following).await
            }
            Proof::Key(key) => {
                let entering = async {
                    allowed()?;
                    of_this_app(record::enter(&shared.entry, key).await?)
                };
                sessions.exchange(self.hash(), KEY_KEPT, entering).await
            }
            Proof::Token { email, tenant } => {
                let opening = async {
                    allowed()?;
                    record::open(&shared.server, email, tenant, &app, TOKEN_LASTS).await
                };
                sessions.exchange(self.hash(), TOKEN_KEPT, opening).await
            }
            Proof::Cookie(token) => {
                let resuming = async {
                    allowed()?;
                    of_this_app(record::resume(&shared.entry, token.to_string()).await?)
                };
                sessions.exchange(self.hash(), COOKIE_KEPT, resuming).await
            }
        }
    }
}

/// The address the request came from.
pub(crate) fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

/// Refuses a key that nobody can have been given, in the words of one that is not known: nothing is looked up for it, and
/// nothing remembered.
fn well_formed(key: &str) -> Result<(), Problem> {
    let refused = |code, detail, help: &str| Err(Fault::new(code, detail).with_help(help).into());
    if let Some(token) = key.strip_prefix("lk_") {
        let is_token = token.len() == LINK_CHARS && token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        return if is_token { Ok(()) } else { refused(SH6301, "the link is not accepted", "ask whoever sent it for a new one") };
    }
    let is_key = match key.strip_prefix("sk_") {
        Some(rest) => {
            rest.is_ascii() && rest.len() > SECRET_CHARS && {
                let (slug, secret) = rest.split_at(rest.len() - SECRET_CHARS);
                let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                let slug = slug.strip_suffix('_').filter(|slug| (1..=SLUG_MAX).contains(&slug.len()) && slug.bytes().all(is_word));
                slug.is_some() && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            }
        }
        None => key.len() <= OTHER_KEY_MAX && key.bytes().all(|byte| byte.is_ascii_graphic()),
    };
    if is_key { Ok(()) } else { refused(SH2003, "the key is not accepted", "check that it is whole, not revoked and not expired") }
}

fn nobody() -> Problem {
    Problem::new(SH2001, "the request does not say who asks").with_help("send `authorization: Bearer KEY` with your API key")
}

#[cfg(test)]
mod tests {
    use super::well_formed;

    const SECRET: &str = "AbC-_0123456789abcdefghijklmnopqrstuvwxyz01";

    #[test]
    fn a_key_that_nobody_was_given_is_refused_by_its_form() {
        let link = format!("lk_{}", "0f".repeat(32));
        for good in [&format!("sk_nordur_{SECRET}"), &format!("sk_a-b-2_{SECRET}"), &link, "key-orders-nordur-rep-1"] {
            assert!(well_formed(good).is_ok(), "{good}");
        }
        let long = "k".repeat(129);
        let bad = [
            ("sk_nordur_unknown", "SH2003"),
            (&format!("sk_{SECRET}"), "SH2003"),
            (&format!("sk__{SECRET}"), "SH2003"),
            (&format!("sk_Nordur_{SECRET}"), "SH2003"),
            (&format!("sk_nordur_{SECRET}a"), "SH2003"),
            (&format!("sk_nordur_{}", SECRET.replace('-', "+")), "SH2003"),
            (&format!("sk_{}_{SECRET}", "n".repeat(41)), "SH2003"),
            (&link[..66], "SH6301"),
            (&link.to_uppercase().replace("LK_", "lk_"), "SH6301"),
            (&long, "SH2003"),
            ("a key", "SH2003"),
        ];
        for (key, code) in bad {
            assert_eq!(well_formed(key).expect_err(key).code().code, code, "{key}");
        }
    }
}
