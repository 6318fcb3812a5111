//! Tokens of an issuer we trust: the key decides the algorithm, never the token.

use std::collections::BTreeMap;

use jsonwebtoken::{Algorithm as Named, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use statehouse_fault::{Fault, SH0009, SH6601, SH6602, SH6603, SH6604, SH6605};
use statehouse_store::StoreFault;

use crate::Problem;
use crate::settings::{Algorithm, Jwt, JwtKey};

/// How far two clocks may differ.
const LEEWAY_S: u64 = 30;
/// A shorter secret can be guessed from one token.
const SECRET_BYTES_MIN: usize = 32;

/// The issuer, with its keys made ready.
pub(crate) struct Issuer {
    keys: BTreeMap<String, (DecodingKey, Validation)>,
    email_claim: String,
    tenant_claim: String,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("keys", &self.keys.keys()).finish()
    }
}

/// Whom a token names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) tenant: String,
}

/// Three parts, and the first is the beginning of a JSON object.
pub(super) fn looks_like(credential: &str) -> bool {
    credential.starts_with("ey") && credential.split('.').count() == 3
}

impl Issuer {
    /// # Errors
    /// `SH0009` for settings that make no sound key.
    pub(crate) fn new(settings: &Jwt) -> Result<Issuer, StoreFault> {
        if settings.issuer.is_empty() || settings.audience.is_empty() || settings.keys.is_empty() {
            return Err(unsound("`auth.jwt` needs an issuer, an audience and a key"));
        }
        let keys = settings.keys.iter().map(|(kid, key)| {
            let ready = ready(key).map_err(|why| unsound(&format!("the key `{kid}` under `auth.jwt.keys` {why}")))?;
            Ok((kid.clone(), (ready, validation(settings, key.algorithm))))
        });
        Ok(Issuer {
            keys: keys.collect::<Result<_, StoreFault>>()?,
            email_claim: settings.email_claim.clone(),
            tenant_claim: settings.tenant_claim.clone(),
        })
    }

    /// Whom the token names, if everything about it is right.
    ///
    /// # Errors
    /// `SH6601` unreadable or of another signature or algorithm, `SH6602` unknown key, `SH6603` expired or not yet valid,
    /// `SH6604` for somebody else, `SH6605` without a member in it.
    pub(crate) fn verify(&self, token: &str) -> Result<Person, Problem> {
        let header = decode_header(token).map_err(|_| unreadable())?;
        let found = match &header.kid {
            Some(kid) => self.keys.get(kid),
            None if self.keys.len() == 1 => self.keys.values().next(),
            None => None,
        };
        let (key, validation) = found.ok_or_else(|| Problem::new(SH6602, "the token names no key of the issuer's"))?;
        let claims = decode::<Map<String, Value>>(token, key, validation).map_err(|cause| refused(&cause))?.claims;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let missing = |name: &str| Problem::new(SH6605, format!("the token has no `{name}`"));
        Ok(Person {
            email: text(&self.email_claim).ok_or_else(|| missing(&self.email_claim))?,
            tenant: text(&self.tenant_claim).ok_or_else(|| missing(&self.tenant_claim))?,
        })
    }
}

fn ready(key: &JwtKey) -> Result<DecodingKey, &'static str> {
    let pem = key.public_key.as_bytes();
    let no_pem = |_| "is no public key in PEM of its algorithm";
    match key.algorithm {
        Algorithm::HS256 if !pem.is_empty() => Err("is for `HS256` and has a public key"),
        Algorithm::HS256 if key.secret.reveal().len() < SECRET_BYTES_MIN => Err("has a secret shorter than 32 bytes"),
        Algorithm::HS256 => Ok(DecodingKey::from_secret(key.secret.reveal().as_bytes())),
        _ if !key.secret.reveal().is_empty() => Err("has a secret, but its algorithm takes a public key"),
        Algorithm::RS256 => DecodingKey::from_rsa_pem(pem).map_err(no_pem),
        Algorithm::ES256 => DecodingKey::from_ec_pem(pem).map_err(no_pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem).map_err(no_pem),
    }
}

fn validation(settings: &Jwt, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(match algorithm {
        Algorithm::HS256 => Named::HS256,
        Algorithm::RS256 => Named::RS256,
        Algorithm::ES256 => Named::ES256,
        Algorithm::EdDSA => Named::EdDSA,
    });
    validation.leeway = LEEWAY_S;
    validation.validate_nbf = true;
    validation.set_audience(&[&settings.audience]);
    validation.set_issuer(&[&settings.issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    validation
}

fn refused(cause: &jsonwebtoken::errors::Error) -> Problem {
    use jsonwebtoken::errors::ErrorKind as Kind;
    match cause.kind() {
        Kind::ExpiredSignature => Problem::new(SH6603, "the token has expired"),
        Kind::ImmatureSignature => Problem::new(SH6603, "the token is not valid yet"),
        Kind::InvalidAudience => Problem::new(SH6604, "the token is not for this server"),
        Kind::InvalidIssuer => Problem::new(SH6604, "the token is not of the issuer we trust"),
        Kind::MissingRequiredClaim(name) => Problem::new(SH6605, format!("the token has no `{name}`")),
        _ => unreadable(),
    }
}

fn unreadable() -> Problem {
    Problem::new(SH6601, "the token is not accepted")
}

fn unsound(detail: &str) -> StoreFault {
    Fault::new(SH0009, detail).into()
}

#[cfg(test)]
mod tests;
