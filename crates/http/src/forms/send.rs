//! A form that was sent: counted, and written once.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use statehouse_definition::model::{App, Entity, Form, Rate, Unit};
use statehouse_fault::{SH6304, SH6305};
use statehouse_store::{forms, record};

use super::read::Sent;
use crate::{Problem, Shared};

/// One form of the app in force, of one tenant.
pub(super) struct Asked<'a> {
    pub app: &'a App,
    pub name: &'a str,
    pub form: &'a Form,
    pub entity: &'a Entity,
    pub tenant: &'a str,
}

impl<'a> Asked<'a> {
    /// The form of this name.
    ///
    /// # Errors
    /// `SH6304` where there is none.
    pub fn of(app: &'a App, tenant: &'a str, name: &'a str) -> Result<Asked<'a>, Problem> {
        let unknown = || Problem::new(SH6304, "there is no such form");
        let (name, form) = app.forms.get_key_value(name).ok_or_else(unknown)?;
        let entity = app.entities.get(&form.entity).ok_or_else(unknown)?;
        Ok(Asked { app, name, form, entity, tenant })
    }

    /// How the store calls it.
    pub fn stored(&self) -> forms::Form<'a> {
        forms::Form { app: &self.app.name, name: self.name, tenant: self.tenant }
    }

    /// Writes one record. What fills in the honeypot is counted like all and written nowhere; it is told what all are told.
    ///
    /// # Errors
    /// `SH6304`, `SH6305`, `SH6002` and `SH5015` for what is not of the form, the refusals of the law.
    pub async fn send(&self, shared: &Shared, peer: Option<IpAddr>, locale: &str, sent: &Sent) -> Result<(), Problem> {
        shared.shares.try_key(peer)?;
        let values = if sent.is_trapped(self.form) { None } else { Some(sent.values(self.form, self.entity)?) };
        let address = peer.map(network).unwrap_or_default();
        let session = forms::enter(&shared.entry, &self.stored(), &address, sent.key.as_deref()).await;
        let session = session.map_err(|fault| self.counted(Problem::from(fault)))?.in_locale(locale);
        let Some(mut values) = values else { return Ok(()) };
        if let Some(key) = &sent.key {
            values.insert("key".to_owned(), Value::from(key.as_str()));
        }
        record::create(&shared.api, &session, &self.form.entity, &Value::Object(values)).await?;
        Ok(())
    }

    /// With when to come again: at the latest when the longer of the two spans is over.
    fn counted(&self, problem: Problem) -> Problem {
        if problem.code().code != SH6305.code {
            return problem;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let span = seconds(&self.form.limit);
        problem.with_retry_after_s(span - now % span)
    }
}

fn seconds(rate: &Rate) -> u64 {
    match rate.per {
        Unit::Minutes => 60,
        Unit::Days => 24 * 60 * 60,
        _ => 60 * 60,
    }
}

/// Whose sending is counted together: an address, or a /64 of IPv6, which is one customer's.
fn network(peer: IpAddr) -> String {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_address_is_counted_with_its_neighbours_in_one_network() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
