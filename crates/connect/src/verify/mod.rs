//! Whether a message is its sender's own.
//!
//! Everything is judged over the bytes as they came, before any parser has seen them, and every comparison of a secret
//! or of a signature takes the same time wherever the two differ. A scheme says how much of a message its proof covers:
//! what is not [`Coverage::Whole`] is a hint, and the fact itself has to be fetched before anything is done with it.

mod adyen;
mod dropbox_sign;
mod mac;
mod mercado_pago;
mod recipe;
mod table;
mod telegram;
mod twilio;

use http::HeaderMap;
use subtle::ConstantTimeEq;

pub use table::{names, scheme};

/// How far a sender's clock may be from ours, in seconds, either way.
pub const TOLERANCE_S: i64 = 300;

/// A message as it came.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The address as the sender was told it, with the query as it came: scheme and host are ours to say, never those of
    /// the `Host` header.
    pub url: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body, untouched.
    pub body: &'a [u8],
    /// SHA-256 of the client certificate of the connection, if it had one that was verified.
    pub certificate: Option<[u8; 32]>,
}

/// One of the secrets of a source. Several live side by side while one takes the place of another.
#[derive(Clone)]
pub struct Secret {
    /// Its name, written down with what it proved.
    pub id: String,
    /// As the provider shows it, e.g. `whsec_…`.
    pub text: String,
    /// Seconds since 1970 from which it counts; always, when absent.
    pub not_before: Option<i64>,
    /// Seconds since 1970 from which it no longer counts; never, when absent.
    pub not_after: Option<i64>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.id)
    }
}

impl Secret {
    /// One that counts at all times.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Secret {
        Secret { id: id.into(), text: text.into(), not_before: None, not_after: None }
    }

    fn lives(&self, now: i64) -> bool {
        self.not_before.is_none_or(|from| from <= now) && self.not_after.is_none_or(|until| now < until)
    }
}

/// How much of a message its proof covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// The whole body.
    Whole,
    /// Some of its fields: whoever caught one message can change the others.
    Partly,
    /// Nothing of it: only who delivered it is known.
    Sender,
}

/// What a message proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How much of it is covered.
    pub coverage: Coverage,
    /// The secret that matched.
    pub secret: String,
    /// When it says it was sent, in seconds since 1970, where that is part of what was signed.
    pub sent_at: Option<i64>,
}

/// Why a message is not taken for its sender's own. None of these tells a stranger how near he came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// A part that the scheme needs is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A part that must stand once stands twice, and two readers could take different ones.
    #[error("`{0}` stands more than once")]
    Twice(&'static str),
    /// A part cannot be read.
    #[error("`{0}` cannot be read")]
    Malformed(&'static str),
    /// The clock of the sender is too far from ours, or the message is an old one sent again.
    #[error("sent {0} seconds away from now, which is more than {TOLERANCE_S}")]
    OutOfTime(i64),
    /// A secret of ours is not of the form this scheme has.
    #[error("the secret `{0}` is not of this scheme's form")]
    Secret(String),
    /// No secret of this source lives now.
    #[error("no secret of this source is valid now")]
    NoSecret,
    /// It was not made with any of our secrets.
    #[error("the signature does not match")]
    Mismatch,
}

/// What the sender has to be answered for it to count the message as delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The status.
    pub status: u16,
    /// The body, byte for byte.
    pub body: &'static str,
}

/// A way of proving that a message is one's own.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// Its name in a definition.
    pub name: &'static str,
    /// How much of a message it covers.
    pub coverage: Coverage,
    /// What the sender wants to hear.
    pub ack: Ack,
    how: table::How,
}

impl Scheme {
    /// Judges a message against the secrets that live at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Why it is not taken. Nothing may be remembered of a message that is not, its id least of all: a forged one would
    /// otherwise stand in the way of the real one. [`Rejected::Secret`] only where none of the secrets has the form of
    /// this scheme: one that was mistyped takes none of the others down.
    pub fn verify(&self, received: &Received<'_>, secrets: &[Secret], now: i64) -> Result<Proof, Rejected> {
        let (mut matched, mut none) = (None, Rejected::NoSecret);
        for secret in secrets.iter().filter(|secret| secret.lives(now)) {
            // Every secret is tried, whether or not one has matched.
            match self.how.judge(received, secret, now) {
                Ok(sent_at) => matched = matched.or(Some((secret, sent_at))),
                Err(Rejected::Mismatch) => none = Rejected::Mismatch,
                Err(Rejected::Secret(_)) if none == Rejected::Mismatch => {}
                Err(malformed @ Rejected::Secret(_)) => none = malformed,
                Err(other) => return Err(other),
            }
        }
        let (secret, sent_at) = matched.ok_or(none)?;
        Ok(Proof { coverage: self.coverage, secret: secret.id.clone(), sent_at })
    }

    /// What of a message beside its body the signature covers, as patterns name it: `header.webhook-id`, `query` for all of
    /// the query, `query.data.id` for one of its fields. Whoever caught a message can send it on with anything else.
    pub fn signed(&self) -> Vec<String> {
        self.how.covers()
    }

    /// Whether a secret has the form that this scheme's have.
    pub fn reads(&self, secret: &Secret) -> bool {
        self.how.reads(secret)
    }

    /// The header in which a secret of ours comes back as it is: what keeps a message keeps all its headers but this one.
    pub fn token_header(&self) -> Option<&'static str> {
        self.how.token_header()
    }

    /// The text that answers the provider's question whether this address is ours, asked once by GET; none where the
    /// scheme has no such question or the question is not the provider's.
    pub fn challenge(&self, query: &str, secrets: &[Secret], now: i64) -> Option<String> {
        match self.how {
            table::How::Meta(_) => meta_challenge(query, secrets, now),
            _ => None,
        }
    }
}

/// Meta subscribes by handing back a token of ours with a word to repeat. Our token is a secret with the id `verify_token`.
fn meta_challenge(query: &str, secrets: &[Secret], now: i64) -> Option<String> {
    let value = |name: &str| {
        let mut found = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).map(|(_, value)| value);
        found.next().filter(|_| found.next().is_none())
    };
    let (mode, token, challenge) = (value("hub.mode")?, value("hub.verify_token")?, value("hub.challenge")?);
    let ours = secrets.iter().filter(|secret| secret.id == "verify_token" && secret.lives(now));
    let known = ours.fold(false, |known, secret| known | same(secret.text.as_bytes(), token.as_bytes()));
    (mode == "subscribe" && known).then(|| challenge.into_owned())
}

/// Compares in a time that does not tell where the two differ; their length is no secret.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// The one value of a header.
fn header<'a>(received: &Received<'a>, name: &'static str) -> Result<&'a str, Rejected> {
    optional(received, name)?.ok_or(Rejected::Missing(name))
}

/// The one value of a header that may be absent.
fn optional<'a>(received: &Received<'a>, name: &'static str) -> Result<Option<&'a str>, Rejected> {
    let mut values = received.headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(Rejected::Twice(name));
    }
    first.map(|value| value.to_str().map_err(|_| Rejected::Malformed(name))).transpose()
}

/// The query of an address.
fn query(url: &str) -> &str {
    url.split_once('?').map_or("", |(_, query)| query)
}

/// Refuses what was sent too long ago, or is from too far ahead.
fn in_time(sent_at: i64, now: i64) -> Result<(), Rejected> {
    let away = now.saturating_sub(sent_at);
    if away.saturating_abs() > TOLERANCE_S { Err(Rejected::OutOfTime(away)) } else { Ok(()) }
}
