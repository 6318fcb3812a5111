//! Whom we take for whom they say they are, and as whom we come.

use bytes::Bytes;
use http::Request;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use statehouse_connect::egress::{Allowed, Answer, Caps, Client, NotACertificate, Unsent, Why};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::provider::{Authority, Net, Provider, far, request, usual};

/// A provider that shows this certificate, asks for one where `asks`, and answers with the number of certificates it saw.
async fn provider(authority: &Authority, pem: &str, asks: bool) -> Provider {
    let acceptor = authority.acceptor(pem, asks);
    Provider::start(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            request(&mut stream).await;
            let seen = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{seen}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

async fn ask(client: &Client, as_whom: Option<&str>) -> Result<Answer, Unsent> {
    let request = Request::get("https://api.example.com/").body(Bytes::new()).unwrap();
    let identity = as_whom.map(|pem| client.identity(pem.as_bytes()).unwrap());
    client.send_as(request, &Allowed::Outside, identity.as_ref(), far(), usual()).await
}

#[tokio::test]
async fn only_who_can_show_the_name_is_spoken_to() {
    let (authority, other) = (Authority::new(), Authority::new());
    let long_ago = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    };
    let cases = [
        ("its own", authority.issue("api.example.com", |_| {}), true),
        ("another name's", authority.issue("api.example.org", |_| {}), false),
        ("one that has ended", authority.issue("api.example.com", long_ago), false),
        ("of an authority we do not know", other.issue("api.example.com", |_| {}), false),
    ];
    for (name, pem, taken) in cases {
        let provider = provider(&authority, &pem, false).await;
        let client = Client::new(Net::of(&provider), Some(authority.pem().as_bytes())).unwrap();
        match ask(&client, None).await {
            Ok(answer) => assert_eq!((taken, &answer.body[..]), (true, &b"0"[..]), "{name}"),
            Err(unsent) => {
                assert!(matches!(unsent, Unsent::NotSent(Why::Untrusted(_))), "{name}: {unsent:?}");
                assert!(!taken, "{name}");
            }
        }
        assert_eq!(provider.accepted(), 1);
    }
    // The public authorities vouch for none of ours.
    let provider = provider(&authority, &authority.issue("api.example.com", |_| {}), false).await;
    let client = Client::new(Net::of(&provider), None).unwrap();
    assert!(matches!(ask(&client, None).await, Err(Unsent::NotSent(Why::Untrusted(_)))));
}

#[tokio::test]
async fn we_come_with_a_certificate_where_one_is_asked_for() {
    let authority = Authority::new();
    let provider = provider(&authority, &authority.issue("api.example.com", |_| {}), true).await;
    let client = Client::new(Net::of(&provider), Some(authority.pem().as_bytes())).unwrap();
    let ours = authority.issue("us.example.com", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    assert_eq!(&ask(&client, Some(&ours)).await.unwrap().body[..], b"1");
    assert!(ask(&client, None).await.is_err());
}

#[tokio::test]
async fn a_handshake_that_goes_nowhere_has_its_time() {
    let connect = Duration::from_millis(200);
    let silent = Provider::start(|mut stream| async move {
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read).await;
    })
    .await;
    let client = Client::new(Net::of(&silent), None).unwrap();
    let request = || Request::get("https://api.example.com/").body(Bytes::new()).unwrap();
    let sent = client.send(request(), &Allowed::Outside, far(), Caps { connect, ..usual() }).await;
    assert_eq!(sent.err(), Some(Unsent::NotSent(Why::Late(connect))));

    let babbling = Provider::start(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let client = Client::new(Net::of(&babbling), None).unwrap();
    let sent = client.send(request(), &Allowed::Outside, far(), usual()).await;
    assert!(matches!(sent, Err(Unsent::NotSent(Why::Untrusted(_)))), "{sent:?}");
}

#[test]
fn what_is_no_certificate_is_said() {
    let authority = Authority::new();
    let own = authority.issue("us.example.com", |_| {});
    let key = &own[own.find("-----BEGIN PRIVATE").unwrap()..];
    let other = authority.issue("us.example.com", |_| {});
    let mixed = format!("{}{key}", &other[..other.find("-----BEGIN PRIVATE").unwrap()]);
    let client = Client::system(None).unwrap();
    for text in ["", "canary", key, &authority.pem(), &mixed] {
        assert_eq!(client.identity(text.as_bytes()).err(), Some(NotACertificate), "{text}");
    }
    assert!(client.identity(own.as_bytes()).is_ok());
    assert_eq!(Client::system(Some(b"canary")).err(), Some(NotACertificate));
}
