//! What a browser keeps while its person is at the issuer: a cookie that we signed, for ten minutes.

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// A sign-in that takes longer begins anew.
pub(crate) const LASTS_S: u64 = 10 * 60;
/// No mark of ours is longer.
const CHARS_MAX: usize = 2048;
/// Tells this use of the client's secret from every other.
const PURPOSE: &[u8] = b"statehouse sign-in mark v1";

/// A sign-in under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// Comes back from the issuer with the browser.
    pub(crate) state: String,
    /// Comes back in the token.
    pub(crate) nonce: String,
    /// What the code is redeemed with (PKCE).
    pub(crate) verifier: String,
    /// The slug of the tenant to sign in to.
    pub(crate) tenant: String,
    /// Seconds since 1970.
    pub(crate) expires: u64,
}

/// Signs marks. Every process with the same client secret takes the marks of the others.
#[derive(Clone)]
pub(crate) struct Marks {
    key: Hmac<Sha256>,
    secure: bool,
}

impl std::fmt::Debug for Marks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Marks")
    }
}

impl Marks {
    /// `secure` where the outside comes by https.
    pub(crate) fn new(secret: &str, secure: bool) -> Option<Marks> {
        let mut derived = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
        derived.update(PURPOSE);
        Some(Marks { key: Hmac::new_from_slice(&derived.finalize().into_bytes()).ok()?, secure })
    }

    /// The header that sets it.
    pub(crate) fn set(&self, mark: &Mark) -> HeaderMap {
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(mark).unwrap_or_default());
        let mut mac = self.key.clone();
        mac.update(body.as_bytes());
        self.cookie(&format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())), LASTS_S)
    }

    /// The header that takes it away.
    pub(crate) fn gone(&self) -> HeaderMap {
        self.cookie("", 0)
    }

    /// The mark of a request, if it has one of ours that has not expired at `now` (seconds since 1970).
    pub(crate) fn read(&self, headers: &HeaderMap, now: u64) -> Option<Mark> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == self.name()).map(|(_, value)| value);
        // One that stands twice was set by a neighbour.
        let text = found.next().filter(|text| text.len() <= CHARS_MAX && found.next().is_none())?;
        let (body, tag) = text.split_once('.')?;
        let mut mac = self.key.clone();
        mac.update(body.as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(tag).ok()?).ok()?;
        let mark: Mark = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).ok()?).ok()?;
        (now < mark.expires).then_some(mark)
    }

    fn name(&self) -> &'static str {
        if self.secure { "__Host-statehouse_sign_in" } else { "statehouse_sign_in" }
    }

    /// `Lax`, since the browser comes back from another site.
    fn cookie(&self, value: &str, max_age_s: u64) -> HeaderMap {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}", self.name());
        HeaderValue::try_from(text).map(|value| HeaderMap::from_iter([(header::SET_COOKIE, value)])).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark { state: "s".into(), nonce: "n".into(), verifier: "v".into(), tenant: "nordur".into(), expires: 1000 }
    }

    fn marks(secret: &str) -> Marks {
        Marks::new(secret, true).expect("a key")
    }

    /// What a browser sends back after being given `set`.
    fn back(set: &HeaderMap) -> String {
        set[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a pair").to_owned()
    }

    fn read(marks: &Marks, cookie: &str, now: u64) -> Option<Mark> {
        marks.read(&HeaderMap::from_iter([(header::COOKIE, cookie.parse().expect("a value"))]), now)
    }

    #[test]
    fn it_comes_back_until_it_expires() {
        let set = marks("secret").set(&mark());
        assert!(set[header::SET_COOKIE].to_str().expect("text").ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=600; Secure"));
        let cookie = back(&set);
        assert_eq!(read(&marks("secret"), &format!("a=b; {cookie}"), 999), Some(mark()));
        assert_eq!(read(&marks("secret"), &cookie, 1000), None);
    }

    #[test]
    fn one_that_was_changed_or_signed_by_another_is_none() {
        let cookie = back(&marks("secret").set(&mark()));
        assert_eq!(read(&marks("another"), &cookie, 0), None);
        let (name, value) = cookie.split_once('=').expect("a pair");
        let (_, tag) = value.split_once('.').expect("two parts");
        let other = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Mark { tenant: "sudur".into(), ..mark() }).expect("JSON"));
        for changed in
            [format!("{name}={other}.{tag}"), format!("{name}={other}."), format!("{name}={other}"), format!("{cookie}; {cookie}")]
        {
            assert_eq!(read(&marks("secret"), &changed, 0), None, "{changed}");
        }
        assert_eq!(read(&Marks::new("secret", false).expect("a key"), &cookie, 0), None, "the name of another scheme");
    }
}
