//! What an address says before anything is looked up.

use std::net::IpAddr;

use url::{Host, Url};

use super::address;

/// Where calls may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// To these hosts, each with its port: `api.example.com` is its port 443, `127.0.0.1:4010` a stand-in of development.
    Hosts(Vec<String>),
    /// To whatever is outside, as a subscriber's own address is.
    Outside,
}

/// An address that may be called, as far as can be told without looking it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The address in its one normal form.
    pub url: Url,
    /// Whether the host was declared word for word as one of this machine's own, which only development does.
    pub inside: bool,
}

/// Why an address is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no address, or one of another kind than the web's.
    #[error("not an address that can be called")]
    NotAnAddress,
    /// It is not protected on its way, and its host is not declared with a port of its own.
    #[error("not `https`")]
    NotProtected,
    /// It carries a name and a password.
    #[error("an address with a user in it")]
    User,
    /// Its host is not declared.
    #[error("`{0}` is not a host of this connector")]
    NotDeclared(String),
    /// It leads to somewhere that is nobody's outside.
    #[error("`{0}` is {1}")]
    Inside(IpAddr, &'static str),
    /// It names this machine or its neighbours.
    #[error("`{0}` is a name of this network")]
    LocalName(String),
}

/// Names that resolvers answer with addresses of this machine or of its network.
const LOCAL: [&str; 8] = ["localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain"];

impl Destination {
    /// Judges an address. It is read as browsers read it, so that every way of writing a number becomes the address
    /// that is meant: `0x7f.1`, `2130706433` and `017700000001` are `127.0.0.1`.
    ///
    /// # Errors
    /// Why it is not called.
    pub fn parse(text: &str, allowed: &Allowed) -> Result<Destination, Refused> {
        let url = Url::parse(text).map_err(|_| Refused::NotAnAddress)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::NotAnAddress);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::User);
        }
        let host = url.host().ok_or(Refused::NotAnAddress)?;
        let port = url.port_or_known_default().ok_or(Refused::NotAnAddress)?;
        if let Allowed::Hosts(hosts) = allowed {
            let named = |one: &String| one.as_str() == format!("{host}:{port}");
            let declared_with_port = hosts.iter().any(named);
            let declared = declared_with_port || (url.scheme() == "https" && port == 443 && hosts.contains(&host.to_string()));
            if !declared {
                return Err(Refused::NotDeclared(format!("{host}:{port}")));
            }
            // Whoever declares an address of this machine with its port means a stand-in; nothing else may be inside.
            let inside = declared_with_port && is_loopback(&host);
            if inside {
                return Ok(Destination { url, inside });
            }
        }
        if url.scheme() != "https" {
            return Err(Refused::NotProtected);
        }
        outside(&host)?;
        Ok(Destination { url, inside: false })
    }

    /// Judges an address that the host's name led to; every one of them has to pass.
    ///
    /// # Errors
    /// [`Refused::Inside`].
    pub fn dial(&self, address: IpAddr) -> Result<(), Refused> {
        if self.inside && address.is_loopback() {
            return Ok(());
        }
        address::refused(address).map_or(Ok(()), |why| Err(Refused::Inside(address, why)))
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    }
}

fn outside(host: &Host<&str>) -> Result<(), Refused> {
    let literal = match host {
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => IpAddr::V6(*address),
        Host::Domain(name) => {
            let last = name.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
            let local = LOCAL.contains(&last) || !name.trim_end_matches('.').contains('.');
            return if local { Err(Refused::LocalName((*name).to_owned())) } else { Ok(()) };
        }
    };
    address::refused(literal).map_or(Ok(()), |why| Err(Refused::Inside(literal, why)))
}
