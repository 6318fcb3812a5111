//! What is made of answers that are none, too long, too slow or packed.

use std::time::Duration;

use bytes::Bytes;
use statehouse_connect::egress::{Allowed, Answer, Caps, Client, Unsent, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::provider::{Net, Provider, far, request, usual, with_time};

const MIB: usize = 1 << 20;

/// What comes of a call that is answered with these bytes and then with the end.
async fn answered(bytes: impl Into<Vec<u8>>) -> Result<Answer, Unsent> {
    let bytes = bytes.into();
    let provider = Provider::start(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            request(&mut stream).await;
            // A client that has heard enough goes away in the middle.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    provider.post("{}", far(), usual()).await
}

fn with_body(length: usize) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    bytes
}

#[tokio::test]
async fn an_answer_is_read_whole() {
    let plain = answered("HTTP/1.1 201 Created\r\nx-id: 7\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    assert_eq!((plain.status, &plain.body[..], plain.headers["x-id"].as_bytes()), (201, &b"{}"[..], &b"7"[..]));
    let pieces = answered("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(&pieces.body[..], b"{}");
    let to_the_end = answered("HTTP/1.1 200 OK\r\n\r\n{}").await.unwrap();
    assert_eq!(&to_the_end.body[..], b"{}");
    let before = answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(before.status, 200);
    let unpacked = answered("HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    assert_eq!(&unpacked.body[..], b"{}");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_doubt() {
    let flood: String = (0..10_000).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let cases: Vec<(&str, Vec<u8>, Why)> = vec![
        ("nothing", b"".into(), Why::Cut),
        ("half a head", b"HTTP/1.1 200 OK\r\ncontent-le".into(), Why::Cut),
        ("half a body", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}".into(), Why::Cut),
        ("half a chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{}".into(), Why::Cut),
        ("no last chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n".into(), Why::Cut),
        ("no HTTP", b"220 mail.example.com ESMTP\r\n".into(), Why::Garbage),
        ("no head", b"<html>OK</html>\r\n\r\n".into(), Why::Garbage),
        ("no version known", b"HTTP/3.0 200 OK\r\n\r\n".into(), Why::Garbage),
        ("no status", b"HTTP/1.1 abc\r\n\r\n".into(), Why::Garbage),
        ("two lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}".into(), Why::Garbage),
        ("a header that never ends", [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'x'; MIB]].concat(), Why::Garbage),
        ("a flood of headers", format!("HTTP/1.1 200 OK\r\n{flood}\r\n").into(), Why::Garbage),
        ("gzip", b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}".into(), Why::Packed),
        ("packed twice", b"HTTP/1.1 200 OK\r\ncontent-encoding: identity\r\ncontent-encoding: br\r\n\r\n{}".into(), Why::Packed),
        ("a byte too much", with_body(MIB + 1), Why::BodyTooLarge(MIB)),
    ];
    for (name, bytes, why) in cases {
        assert_eq!(answered(bytes).await.map(|answer| answer.status), Err(Unsent::Doubt(why)), "{name}");
    }
    assert_eq!(answered(with_body(MIB)).await.unwrap().body.len(), MIB, "as much as is borne");
}

#[tokio::test]
async fn a_body_without_end_is_left() {
    let provider = Provider::start(|mut stream| async move {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        while stream.write_all(b"400\r\n").await.is_ok() && stream.write_all(&[b'x'; 1024]).await.is_ok() {
            if stream.write_all(b"\r\n").await.is_err() {
                break;
            }
        }
    })
    .await;
    let sent = provider.post("{}", far(), usual()).await;
    assert_eq!(sent.err(), Some(Unsent::Doubt(Why::BodyTooLarge(MIB))));
}

/// A body whose bytes come one by one, each before anyone could lose patience with it.
#[tokio::test]
async fn the_whole_call_has_a_time() {
    for drip in [false, true] {
        with_time(async |total| {
            let provider = Provider::start(move |mut stream| async move {
                request(&mut stream).await;
                if drip {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await.unwrap();
                    let mut beat = tokio::time::interval(Duration::from_millis(10));
                    while stream.write_all(b"x").await.is_ok() {
                        beat.tick().await;
                    }
                }
                let _ = stream.read_u8().await;
            })
            .await;
            match provider.post("{}", far(), Caps::within(total)).await.unwrap_err() {
                Unsent::NotSent(_) => None,
                doubt => {
                    assert_eq!(doubt, Unsent::Doubt(Why::Late(total)), "drip: {drip}");
                    Some(())
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_reset_is_a_cut() {
    let provider = Provider::start(|mut stream| async move {
        request(&mut stream).await;
        stream.set_zero_linger().unwrap();
    })
    .await;
    assert_eq!(provider.post("{}", far(), usual()).await.err(), Some(Unsent::Doubt(Why::Cut)));
}

#[tokio::test]
async fn what_was_not_written_was_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gone = Provider::start(|_| async {}).await;
    let gone = Provider { address: free, ..gone };
    assert_eq!(gone.post("{}", far(), usual()).await.err(), Some(Unsent::NotSent(Why::Unreachable)));

    let net = Net::answering(&[], None);
    let request = http::Request::get("https://api.example.com/").body(Bytes::new()).unwrap();
    let client = Client::new(net, None).unwrap();
    assert_eq!(client.send(request, &Allowed::Outside, far(), usual()).await.err(), Some(Unsent::NotSent(Why::Unresolved)));
}

#[test]
fn what_is_known_has_its_code() {
    let codes = [Unsent::NotSent(Why::Unreachable), Unsent::Doubt(Why::Cut), Unsent::NotSent(Why::Fenced)].map(|unsent| unsent.code().code);
    assert_eq!(codes, ["SH7005", "SH7006", "SH7005"]);
}

#[tokio::test]
async fn what_ends_a_message_is_said_by_us() {
    let provider = Provider::start(|mut stream| async move {
        let heard = request(&mut stream).await;
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{heard}", heard.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let request = http::Request::post(format!("http://{}/a/./b?x=1#part", provider.address))
        .header("host", "evil.example")
        .header("content-length", "5")
        .header("transfer-encoding", "chunked")
        .header("connection", "keep-alive")
        .header("x-id", "7")
        .body(Bytes::from_static(b"{\"n\":1}"))
        .unwrap();
    let answer = Client::system(None).unwrap().send(request, &provider.stand_in(), far(), usual()).await.unwrap();
    let heard = String::from_utf8(answer.body.to_vec()).unwrap();
    let expected = format!(
        "POST /a/b?x=1 HTTP/1.1\r\nhost: {}\r\nuser-agent: statehouse\r\nx-id: 7\r\nconnection: close\r\ncontent-length: 7\r\n\r\n{{\"n\":1}}",
        provider.address
    );
    assert_eq!(heard, expected);
}
