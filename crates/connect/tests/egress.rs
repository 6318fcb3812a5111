//! Ways of writing an address that must lead nowhere.
#![allow(clippy::unwrap_used)]

use std::net::IpAddr;

use statehouse_connect::egress::address::refused;
use statehouse_connect::egress::destination::{Allowed, Destination, Refused};

/// Collected from published lists of such addresses; each is to be refused before anything is looked up.
const NOWHERE: &str = include_str!("../data/nowhere.txt");

#[test]
fn none_of_them_is_called() {
    let listed: Vec<&str> = NOWHERE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(listed.len() >= 80, "{} are listed", listed.len());
    for text in listed {
        assert!(Destination::parse(text, &Allowed::Outside).is_err(), "{text} would be called");
    }
}

#[test]
fn the_outside_is_called() {
    for text in [
        "https://example.com/hook",
        "https://EXAMPLE.com:8443/hook?x=1",
        "https://93.184.215.14/",
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
        "https://xn--bcher-kva.example.org/",
        "https://11.0.0.1/",
        "https://172.32.0.1/",
        "https://100.128.0.1/",
        "https://192.169.0.1/",
        "https://localhost.example.com/",
    ] {
        assert!(Destination::parse(text, &Allowed::Outside).is_ok(), "{text}: {:?}", Destination::parse(text, &Allowed::Outside));
    }
}

#[test]
fn a_connector_reaches_its_hosts_and_no_others() {
    let hosts = Allowed::Hosts(vec!["api.example.com".into(), "127.0.0.1:4010".into(), "10.0.0.5:443".into()]);
    let parse = |text: &str| Destination::parse(text, &hosts);
    assert!(parse("https://api.example.com/v1/x").is_ok());
    assert!(parse("http://127.0.0.1:4010/sms").unwrap().inside, "a stand-in of development");
    assert_eq!(parse("http://api.example.com/v1/x"), Err(Refused::NotDeclared("api.example.com:80".into())));
    for text in [
        "https://api.example.com:8443/",
        "https://api.example.com./",
        "https://evil.example/",
        "https://api.example.com.evil.example/",
        "http://127.0.0.1:4011/",
        "http://localhost:4010/",
    ] {
        assert!(matches!(parse(text), Err(Refused::NotDeclared(_))), "{text}");
    }
    assert_eq!(parse("https://api.example.com@evil.example/"), Err(Refused::User));
    assert!(matches!(parse("https://10.0.0.5/"), Err(Refused::Inside(..))), "declared, and still inside");
}

#[test]
fn what_a_name_led_to_is_judged_where_it_is_dialled() {
    let outside = Destination::parse("https://example.com/", &Allowed::Outside).unwrap();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(outside.dial(ip("93.184.215.14")), Ok(()));
    for text in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1", "fd00:ec2::254"]
    {
        assert!(matches!(outside.dial(ip(text)), Err(Refused::Inside(..))), "{text}");
    }
    let standin = Destination::parse("http://127.0.0.1:4010/", &Allowed::Hosts(vec!["127.0.0.1:4010".into()])).unwrap();
    assert_eq!(standin.dial(ip("127.0.0.1")), Ok(()));
    assert!(standin.dial(ip("10.0.0.1")).is_err());
}

/// First and last address of each range, and their neighbours outside.
#[test]
fn ranges_begin_and_end_where_the_registry_says() {
    let ranges = [
        ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
        ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
        ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
        ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"),
        ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
        ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
        ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
        ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"),
    ];
    for (before, first, last, after) in ranges {
        let is = |text: &str| refused(text.parse().unwrap()).is_some();
        assert_eq!([is(before), is(first), is(last), is(after)], [false, true, true, false], "{first}");
    }
}
