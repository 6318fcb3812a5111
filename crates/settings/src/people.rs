//! Who may come in, and how they prove it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Secret;

/// Who may come in, and how they prove it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Tokens of issuers that are trusted.
    pub jwt: Option<Jwt>,
}

/// How people sign in.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct People {
    /// From this the tokens of sign-in links are derived: at least 32 random characters, the same for every process. Sign-in by mail is off when empty.
    pub sign_in_secret: String,
    /// For a development server alone: sign-in links are printed, and shown on the status page.
    pub sign_in_shown: bool,
}

/// Tokens (JWT) of one issuer that is trusted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Who makes the tokens; must equal `iss`.
    pub issuer: String,
    /// For whom they are made; must be in `aud`.
    pub audience: String,
    /// The claim that holds the member's address.
    #[serde(default = "email")]
    pub email_claim: String,
    /// The claim that holds the tenant's slug.
    #[serde(default = "tenant")]
    pub tenant_claim: String,
    /// Keys by `kid`; a token without `kid` uses the only key.
    pub keys: BTreeMap<String, JwtKey>,
}

/// One key and the one algorithm it is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtKey {
    /// The algorithm; a token that names another one is refused.
    pub algorithm: Algorithm,
    /// The shared secret, for `HS256`; at least 32 bytes.
    #[serde(default)]
    pub secret: Secret,
    /// The public key in PEM, for all others.
    #[serde(default)]
    pub public_key: String,
}

/// What a key may be used with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

/// Signing in by way of an OpenID Connect issuer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Oidc {
    /// The issuer, e.g. `https://id.example.org`, exactly as its tokens name it. Off when empty.
    pub issuer: String,
    /// By which the issuer knows this server.
    pub client_id: String,
    /// What this server proves itself to the issuer with; the cookie of a sign-in under way is signed by what is derived from it. Best given by `STATEHOUSE_OIDC__CLIENT_SECRET`.
    pub client_secret: Secret,
    /// Where the issuer sends people back to, as it is registered there. `/sign-in/oidc/callback` under `public_url` when empty.
    pub redirect_url: String,
    /// The slug of the tenant to sign in to where `/sign-in/oidc?tenant=SLUG` names none.
    pub tenant: String,
}

fn email() -> String {
    "email".into()
}

fn tenant() -> String {
    "tenant".into()
}
