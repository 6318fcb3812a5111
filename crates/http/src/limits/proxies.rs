//! From where a request comes, where proxies stand in front of the server.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use statehouse_fault::{Fault, SH0009};

/// Who a proxy says it speaks for, the last one last.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Proxies behind each other; more than anybody has.
const HOPS_MAX: usize = 16;

/// Set on a request that a trusted proxy handed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandedOn;

/// Proxies that are believed.
#[derive(Debug, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Reads the setting `trusted_proxies`.
    ///
    /// # Errors
    /// `SH0009` for what is neither an address nor a prefix.
    pub(crate) fn read(texts: &[String]) -> Result<Proxies, Fault> {
        let one = |text: &String| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let read = texts.iter().map(|text| one(text).map_err(|_| text)).collect::<Result<Vec<IpNet>, _>>();
        read.map(Proxies).map_err(|text| {
            let fault = Fault::new(SH0009, format!("`{text}` in `trusted_proxies` is no address and no prefix"));
            fault.with_help("write an address such as `10.0.0.7`, or a prefix such as `10.0.0.0/8`")
        })
    }

    /// Whether it is one of them.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|net| net.contains(&peer))
    }

    /// The nearest address on the way that is none of them. What stands before it was written by whoever is there.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer.to_canonical();
        if !self.trusts(nearest) {
            return nearest;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(',').map(address));
        for hop in hops.take(HOPS_MAX) {
            let Some(hop) = hop else { break };
            nearest = hop;
            if !self.trusts(nearest) {
                break;
            }
        }
        nearest
    }
}

/// An address as proxies write it: bare, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let read = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip()));
    read.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::read(&trusted.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("proxies");
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().expect("a header"));
        }
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let nets = ["10.0.0.0/8", "2001:db8::1"];
        let cases: [(&str, &[&str], &str); 13] = [
            // Nobody in between, whatever is claimed.
            ("192.0.2.1", &[], "192.0.2.1"),
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.7"], "198.51.100.7"),
            ("2001:db8::1", &["198.51.100.7"], "198.51.100.7"),
            ("2001:db8::2", &["198.51.100.7"], "2001:db8::2"),
            // A caller writes what he likes before what the proxy writes.
            ("10.1.2.3", &["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            ("10.1.2.3", &["127.0.0.1", "198.51.100.7"], "198.51.100.7"),
            ("10.1.2.3", &["10.9.9.9, 198.51.100.7, 10.4.4.4"], "198.51.100.7"),
            // What cannot be read is as far as it is known.
            ("10.1.2.3", &["198.51.100.7, unknown"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.7:4711"], "198.51.100.7"),
            ("::ffff:10.1.2.3", &["[2001:db8::9]:4711"], "2001:db8::9"),
            ("10.1.2.3", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
        ];
        for (peer, forwarded, expected) in cases {
            assert_eq!(came(&nets, peer, forwarded), expected, "{peer} {forwarded:?}");
        }
        assert_eq!(came(&[], "10.1.2.3", &["198.51.100.7"]), "10.1.2.3", "nobody is trusted by default");
    }

    #[test]
    fn what_is_no_address_stops_the_start() {
        for wrong in ["proxy.example", "10.0.0.0/40", "", "10.0.0.0/8 "] {
            let fault = Proxies::read(&[wrong.to_owned()]).expect_err(wrong);
            assert_eq!(fault.code.code, "SH0009", "{wrong}");
        }
    }
}
