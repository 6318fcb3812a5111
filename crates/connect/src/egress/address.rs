//! Addresses that are nobody's outside: loopback, private, link-local, shared, documentation, multicast, and every form
//! in which version 6 carries one of version 4.
//!
//! Source: the registries of special-purpose addresses of IANA, and the addresses at which clouds tell a machine its secrets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8, why: &'static str) -> (Ipv4Net, &'static str) {
    (Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length), why)
}

const fn v6(first: u16, second: u16, third: u16, length: u8, why: &'static str) -> (Ipv6Net, &'static str) {
    (Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length), why)
}

const V4: [(Ipv4Net, &str); 19] = [
    v4(0, 0, 0, 0, 8, "this network"),
    v4(10, 0, 0, 0, 8, "private"),
    v4(100, 64, 0, 0, 10, "shared"),
    v4(127, 0, 0, 0, 8, "loopback"),
    v4(168, 63, 129, 16, 32, "a cloud's own"),
    v4(169, 254, 0, 0, 16, "link-local"),
    v4(172, 16, 0, 0, 12, "private"),
    v4(192, 0, 0, 0, 24, "of the protocol"),
    v4(192, 0, 2, 0, 24, "documentation"),
    v4(192, 31, 196, 0, 24, "a sink of names"),
    v4(192, 52, 193, 0, 24, "a relay"),
    v4(192, 88, 99, 0, 24, "a relay"),
    v4(192, 168, 0, 0, 16, "private"),
    v4(192, 175, 48, 0, 24, "a sink of names"),
    v4(198, 18, 0, 0, 15, "for measuring"),
    v4(198, 51, 100, 0, 24, "documentation"),
    v4(203, 0, 113, 0, 24, "documentation"),
    v4(224, 0, 0, 0, 4, "multicast"),
    v4(240, 0, 0, 0, 4, "reserved"),
];

/// The only part of version 6 that is anybody's outside.
const GLOBAL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not, within it.
const V6: [(Ipv6Net, &str); 5] = [
    v6(0x2001, 0, 0, 23, "of the protocol, tunnels among it"),
    v6(0x2001, 0xdb8, 0, 32, "documentation"),
    v6(0x2002, 0, 0, 16, "a tunnel to version 4"),
    v6(0x2620, 0x4f, 0x8000, 48, "a sink of names"),
    v6(0x3fff, 0, 0, 20, "documentation"),
];

/// Why nothing is sent to this address; nothing, when it is somebody's outside.
pub fn refused(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, why)| *why),
        IpAddr::V6(address) if !GLOBAL.contains(&address) => Some("not global"),
        // An interface made from an address of version 4 leads into whatever network has it.
        IpAddr::V6(address) if is_isatap(address) => Some("a tunnel to version 4"),
        IpAddr::V6(address) => V6.iter().find(|(net, _)| net.contains(&address)).map(|(_, why)| *why),
    }
}

fn is_isatap(address: Ipv6Addr) -> bool {
    let [.., high, low, _, _] = address.segments();
    low == 0x5efe && matches!(high, 0 | 0x200)
}
