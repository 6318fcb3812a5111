//! The common kind of scheme, as data: a keyed hash in a header over a string put together from parts.

use super::mac::{Encoding, Hash, KeyForm};
use super::{Received, Rejected, Secret, header, in_time, same};

/// A keyed hash in a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe {
    /// Where the hashes stand.
    pub(super) given: Given,
    pub(super) hash: Hash,
    pub(super) encoding: Encoding,
    pub(super) key: KeyForm,
    /// When it was sent; checked against the clock where it is there.
    pub(super) time: Option<Time>,
    /// What was signed, one part after the other.
    pub(super) signed: &'static [Part],
}

/// Where hashes stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given {
    /// The header is one hash after a prefix.
    One(&'static str, &'static str),
    /// The header is a list of versioned hashes, set apart by blanks; those without the prefix are of other versions.
    List(&'static str, &'static str),
    /// The header is a list of `name=value`; hashes are those of one name.
    Pairs { header: &'static str, apart: char, name: &'static str },
    /// One header for each key: the name and a number from 1.
    Numbered(&'static str),
}

/// When it was sent, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Time {
    /// In a header of its own.
    Header(&'static str),
    /// In the list of pairs, under this name.
    Pair(&'static str),
}

/// A part of what was signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Text(&'static str),
    Header(&'static str),
    Time,
    Url,
    Body,
}

/// So many hashes are looked at; a longer list is somebody else's game.
const HASHES_MAX: usize = 100;

impl Recipe {
    /// When it was sent, if it is signed with this secret.
    pub(super) fn judge(&self, received: &Received<'_>, secret: &Secret, now: i64) -> Result<Option<i64>, Rejected> {
        let hashes = self.given.hashes(received)?;
        let time = self.time.map(|time| self.time_of(time, received)).transpose()?;
        let sent_at = time.map(|text| text.parse::<i64>().map_err(|_| Rejected::Malformed("timestamp"))).transpose()?;
        let key = self.key.key(&secret.text).ok_or_else(|| Rejected::Secret(secret.id.clone()))?;
        let expected = self.hash.hmac(&key, &self.message(received, time)?);
        let matched =
            hashes.iter().filter_map(|text| self.encoding.read(text)).fold(false, |matched, hash| matched | same(&hash, &expected));
        if !matched {
            return Err(Rejected::Mismatch);
        }
        // The clock comes last: only the sender's own message tells that its time has passed.
        if let Some(sent_at) = sent_at {
            in_time(sent_at, now)?;
        }
        Ok(sent_at)
    }

    /// What beside the body is signed, as patterns name it.
    pub(super) fn covers(&self) -> Vec<String> {
        let named = |part: &Part| match (*part, self.time) {
            (Part::Header(name), _) | (Part::Time, Some(Time::Header(name))) => Some(format!("header.{name}")),
            (Part::Url, _) => Some("query".to_owned()),
            _ => None,
        };
        self.signed.iter().filter_map(named).collect()
    }

    fn time_of<'a>(&self, time: Time, received: &Received<'a>) -> Result<&'a str, Rejected> {
        match (time, self.given) {
            (Time::Header(name), _) => header(received, name),
            (Time::Pair(name), Given::Pairs { header: list, apart, .. }) => {
                let mut found = pairs(header(received, list)?, apart).filter(|(key, _)| *key == name);
                let (_, value) = found.next().ok_or(Rejected::Missing(name))?;
                if found.next().is_some() { Err(Rejected::Twice(name)) } else { Ok(value) }
            }
            (Time::Pair(name), _) => Err(Rejected::Missing(name)),
        }
    }

    fn message(&self, received: &Received<'_>, time: Option<&str>) -> Result<Vec<u8>, Rejected> {
        let mut message = Vec::new();
        for part in self.signed {
            match *part {
                Part::Text(text) => message.extend_from_slice(text.as_bytes()),
                Part::Header(name) => message.extend_from_slice(header(received, name)?.as_bytes()),
                Part::Time => message.extend_from_slice(time.unwrap_or_default().as_bytes()),
                Part::Url => message.extend_from_slice(received.url.as_bytes()),
                Part::Body => message.extend_from_slice(received.body),
            }
        }
        Ok(message)
    }
}

impl Given {
    fn hashes<'a>(self, received: &Received<'a>) -> Result<Vec<&'a str>, Rejected> {
        let (name, found): (&'static str, Vec<&str>) = match self {
            Given::One(name, prefix) => (name, header(received, name)?.strip_prefix(prefix).into_iter().collect()),
            Given::List(name, prefix) => (name, header(received, name)?.split(' ').filter_map(|one| one.strip_prefix(prefix)).collect()),
            Given::Pairs { header: list, apart, name } => {
                (list, pairs(header(received, list)?, apart).filter(|(key, _)| *key == name).map(|(_, hash)| hash).collect())
            }
            Given::Numbered(name) => {
                let numbered = (1..=HASHES_MAX).map_while(|n| received.headers.get(format!("{name}{n}")));
                (name, numbered.filter_map(|value| value.to_str().ok()).collect())
            }
        };
        if found.is_empty() { Err(Rejected::Missing(name)) } else { Ok(found.into_iter().take(HASHES_MAX).collect()) }
    }
}

/// The pairs of `a=1,b=2`.
pub(super) fn pairs(text: &str, apart: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(apart).filter_map(|pair| pair.trim().split_once('='))
}
