//! The issuer: where to send people, and whether what they bring back names a person.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use lru::LruCache;
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreIdToken, CoreJwsSigningAlgorithm as Alg, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse,
};
use subtle::ConstantTimeEq;
use url::Url;

use crate::fetch::{Fetch, is_guarded};
use crate::mark::{LASTS_S, Mark, Marks};

/// What tokens may be signed with, whatever the issuer or a token says: never `none`, never a secret that is shared.
const ALGORITHMS: [Alg; 4] = [Alg::RsaSsaPkcs1V15Sha256, Alg::RsaSsaPssSha256, Alg::EcdsaP256Sha256, Alg::EdDsa];
/// What the issuer says of itself is asked for again after this long.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// A token of a key we do not know has the keys asked for again, no more often than this.
const KEPT_LEAST: Duration = Duration::from_secs(30);
/// Sign-ins remembered as done; they would expire within ten minutes anyway.
const DONE_MAX: NonZeroUsize = NonZeroUsize::new(50_000).expect("not zero");

/// How the issuer and we know each other.
#[derive(Clone, Debug)]
pub struct Known {
    /// The issuer as its tokens name it.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there.
    pub client_secret: Secret,
    /// Where the issuer sends people back to; cookies are held to https where this is.
    pub redirect_url: String,
}

/// A text that is never printed.
#[derive(Clone)]
pub struct Secret(ClientSecret);

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(ClientSecret::new(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Settings by which nobody can sign in.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// A name or secret is missing.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// No URL, or one on which others could listen.
    #[error("`{name}` `{text}` is to be a URL by https, or by http on this machine")]
    Url {
        /// Which.
        name: &'static str,
        /// What was given.
        text: String,
    },
}

/// The issuer.
#[derive(Debug)]
pub struct Provider {
    known: Known,
    redirect: RedirectUrl,
    issuer: IssuerUrl,
    marks: Marks,
    fetch: Fetch,
    metadata: tokio::sync::Mutex<Option<(Arc<CoreProviderMetadata>, Instant)>>,
    done: Mutex<LruCache<String, ()>>,
}

/// Whom the issuer has verified, and where they want to go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) tenant: String,
}

/// What came back from the issuer with the browser.
#[derive(Debug, Default)]
pub(crate) struct Back {
    pub(crate) code: String,
    pub(crate) state: String,
    pub(crate) issuer: Option<String>,
}

/// Why nobody is signed in; for the log, the person is told one sentence for all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the browser brings no sign-in of ours that is under way")]
    NoMark,
    #[error("`state` is not the one of this browser's sign-in")]
    State,
    #[error("this sign-in was finished already")]
    Done,
    #[error("`iss` is another issuer")]
    OtherIssuer,
    #[error("the issuer does not take the code")]
    Code,
    #[error("the issuer gave no token of identity")]
    NoToken,
    #[error("the token is not accepted: {0}")]
    Token(#[from] ClaimsVerificationError),
    #[error("the issuer has not verified an address")]
    Unverified,
    #[error("the issuer cannot be asked: {0}")]
    Unreachable(String),
}

impl Provider {
    /// Nothing is asked of the issuer yet.
    ///
    /// # Errors
    /// [`Unsound`] for settings by which nobody can sign in.
    pub fn new(known: Known) -> Result<Provider, Unsound> {
        let url = |name, text: &str| match Url::parse(text) {
            Ok(url) if is_guarded(&url) && url.username().is_empty() && url.fragment().is_none() => Ok(url),
            _ => Err(Unsound::Url { name, text: text.to_owned() }),
        };
        if known.client_id.is_empty() {
            return Err(Unsound::Empty("oidc.client_id"));
        }
        if known.client_secret.0.secret().is_empty() {
            return Err(Unsound::Empty("oidc.client_secret"));
        }
        let secure = url("oidc.redirect_url", &known.redirect_url)?.scheme() == "https";
        url("oidc.issuer", &known.issuer)?;
        Ok(Provider {
            redirect: RedirectUrl::new(known.redirect_url.clone())
                .map_err(|_| Unsound::Url { name: "oidc.redirect_url", text: known.redirect_url.clone() })?,
            issuer: IssuerUrl::new(known.issuer.clone()).map_err(|_| Unsound::Url { name: "oidc.issuer", text: known.issuer.clone() })?,
            marks: Marks::new(known.client_secret.0.secret(), secure).ok_or(Unsound::Empty("oidc.client_secret"))?,
            fetch: Fetch::new(),
            metadata: tokio::sync::Mutex::new(None),
            done: Mutex::new(LruCache::new(DONE_MAX)),
            known,
        })
    }

    /// Where to send a person who wants to sign in to `tenant`, and the cookie they keep meanwhile.
    ///
    /// # Errors
    /// [`Refused::Unreachable`].
    pub(crate) async fn begin(&self, tenant: &str) -> Result<(Url, HeaderMap), Refused> {
        let metadata = self.metadata(KEPT).await?;
        let client = CoreClient::from_provider_metadata(
            (*metadata).clone(),
            ClientId::new(self.known.client_id.clone()),
            Some(self.known.client_secret.0.clone()),
        )
        .set_redirect_uri(self.redirect.clone());
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".into()))
            .set_pkce_challenge(challenge)
            .url();
        let mark = Mark {
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            tenant: tenant.to_owned(),
            expires: now_s() + LASTS_S,
        };
        Ok((url, self.marks.set(&mark)))
    }

    /// The person who came back, if everything about it is right. A sign-in is finished once, whatever comes of it.
    ///
    /// # Errors
    /// [`Refused`].
    pub(crate) async fn finish(&self, headers: &HeaderMap, back: Back) -> Result<Person, Refused> {
        let mark = self.marks.read(headers, now_s()).ok_or(Refused::NoMark)?;
        if !bool::from(mark.state.as_bytes().ct_eq(back.state.as_bytes())) {
            return Err(Refused::State);
        }
        if self.done.lock().unwrap_or_else(PoisonError::into_inner).put(mark.state.clone(), ()).is_some() {
            return Err(Refused::Done);
        }
        // RFC 9207: an issuer that says who it is cannot be taken for another.
        if back.issuer.is_some_and(|issuer| issuer != self.known.issuer) {
            return Err(Refused::OtherIssuer);
        }
        let token = self.redeem(back.code, mark.verifier).await?;
        let email = self.verified(&token, &Nonce::new(mark.nonce)).await?;
        Ok(Person { email, tenant: mark.tenant })
    }

    /// The header that ends the sign-in under way.
    pub(crate) fn ended(&self) -> HeaderMap {
        self.marks.gone()
    }

    async fn redeem(&self, code: String, verifier: String) -> Result<CoreIdToken, Refused> {
        let metadata = self.metadata(KEPT).await?;
        let client = CoreClient::from_provider_metadata(
            (*metadata).clone(),
            ClientId::new(self.known.client_id.clone()),
            Some(self.known.client_secret.0.clone()),
        )
        .set_redirect_uri(self.redirect.clone());
        let asking = client.exchange_code(AuthorizationCode::new(code)).map_err(|cause| Refused::Unreachable(cause.to_string()))?;
        let given = asking.set_pkce_verifier(PkceCodeVerifier::new(verifier)).request_async(&self.fetch).await;
        let given = given.map_err(|cause| match cause {
            RequestTokenError::ServerResponse(_) => Refused::Code,
            RequestTokenError::Parse(..) => Refused::NoToken,
            RequestTokenError::Request(cause) => Refused::Unreachable(cause.to_string()),
            RequestTokenError::Other(_) => Refused::Unreachable("its answer makes no sense".into()),
        })?;
        given.id_token().cloned().ok_or(Refused::NoToken)
    }

    /// The address in a token that is right in everything: signature, issuer, audience, time and nonce.
    async fn verified(&self, token: &CoreIdToken, nonce: &Nonce) -> Result<String, Refused> {
        let mut kept = KEPT;
        loop {
            let metadata = self.metadata(kept).await?;
            let client = CoreClient::from_provider_metadata(
                (*metadata).clone(),
                ClientId::new(self.known.client_id.clone()),
                Some(self.known.client_secret.0.clone()),
            );
            let verifier = client.id_token_verifier().set_allowed_algs(ALGORITHMS);
            match token.claims(&verifier, nonce) {
                Ok(claims) if claims.email_verified() == Some(true) => {
                    let email = claims.email().map(|email| email.as_str().to_owned()).filter(|email| !email.is_empty());
                    return email.ok_or(Refused::Unverified);
                }
                Ok(_) => return Err(Refused::Unverified),
                // The issuer may have changed its keys since; it is asked once more.
                Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) if kept == KEPT => {
                    kept = KEPT_LEAST;
                }
                Err(cause) => return Err(cause.into()),
            }
        }
    }

    /// What the issuer says of itself, its keys among it, as of at most `kept` ago. Whoever asks meanwhile waits for the same.
    async fn metadata(&self, kept: Duration) -> Result<Arc<CoreProviderMetadata>, Refused> {
        let mut held = self.metadata.lock().await;
        if let Some((metadata, _)) = held.as_ref().filter(|(_, since)| since.elapsed() < kept) {
            return Ok(Arc::clone(metadata));
        }
        let asked = CoreProviderMetadata::discover_async(self.issuer.clone(), &self.fetch).await;
        let metadata = Arc::new(asked.map_err(|cause| Refused::Unreachable(cause.to_string()))?);
        *held = Some((Arc::clone(&metadata), Instant::now()));
        Ok(metadata)
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
