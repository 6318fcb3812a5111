//! A process that slept past its lease writes nothing more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use statehouse_connect::egress::{Allowed, Caps, Client, Fence, Unsent, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::provider::{Authority, Net, PUBLIC, Provider, after, passed, request, usual, with_time};

/// Larger than any two sockets take without a reader.
const LARGE: usize = 64 << 20;

#[tokio::test]
async fn nothing_is_begun_after_it() {
    let net = Net::answering(&[&[PUBLIC]], None);
    let request = Request::post("https://api.example.com/pay").body(Bytes::from_static(b"{}")).unwrap();
    let sent = Client::new(net.clone(), None).unwrap().send(request, &Allowed::Outside, Fence::at(Instant::now()), usual()).await;
    assert_eq!((sent.err(), net.dialled()), (Some(Unsent::NotSent(Why::Fenced)), vec![]));
}

#[tokio::test]
async fn one_that_passes_in_the_handshake_lets_no_request_out() {
    let authority = Authority::new();
    let acceptor = authority.acceptor(&authority.issue("api.example.com", |_| {}), false);
    with_time(async |span| {
        let fence = after(span);
        let (heard, mut hears) = mpsc::unbounded_channel();
        let acceptor = acceptor.clone();
        let provider = Provider::start(move |stream| {
            let (acceptor, heard) = (acceptor.clone(), heard.clone());
            async move {
                // The first flight of the handshake lies in the socket; it is answered too late.
                passed(fence).await;
                let mut read = Vec::new();
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.read_to_end(&mut read).await;
                }
                heard.send(read).unwrap();
            }
        })
        .await;
        let client = Client::new(Net::of(&provider), Some(authority.pem().as_bytes())).unwrap();
        let request = Request::post("https://api.example.com/pay").body(Bytes::from_static(b"{}")).unwrap();
        let sent = client.send(request, &Allowed::Outside, fence, usual()).await;
        assert_eq!(sent.err(), Some(Unsent::NotSent(Why::Fenced)));
        // Where it passed even before the connection stood, nothing was shown.
        if provider.accepted() == 0 {
            return None;
        }
        assert_eq!(hears.recv().await, Some(Vec::new()));
        Some(())
    })
    .await;
}

/// How a call ends whose fence passes while the provider, having read a little, reads no more; and how much arrives. None
/// where it passed before the provider had read anything.
async fn in_the_middle(protected: bool, span: Duration) -> Option<(Option<Unsent>, usize)> {
    let authority = Authority::new();
    let acceptor = authority.acceptor(&authority.issue("api.example.com", |_| {}), false);
    let fence = after(span);
    let (heard, mut hears) = mpsc::unbounded_channel();
    let provider = Provider::start(move |stream| {
        let (acceptor, heard) = (acceptor.clone(), heard.clone());
        async move {
            let mut read = vec![0; 1024];
            let stream: std::io::Result<Box<dyn AsyncReadWrite>> =
                if protected { acceptor.accept(stream).await.map(|stream| Box::new(stream) as _) } else { Ok(Box::new(stream)) };
            let mut begun = None;
            if let Ok(mut stream) = stream
                && stream.read_exact(&mut read).await.is_ok()
            {
                passed(fence).await;
                // The connection ends without a farewell.
                let _ = stream.read_to_end(&mut read).await;
                begun = Some(read.len());
            }
            heard.send(begun).unwrap();
        }
    })
    .await;
    let body = Bytes::from(vec![b'x'; LARGE]);
    let sent = if protected {
        let client = Client::new(Net::of(&provider), Some(authority.pem().as_bytes())).unwrap();
        let request = Request::post("https://api.example.com/pay").body(body).unwrap();
        client.send(request, &Allowed::Outside, fence, usual()).await
    } else {
        provider.post(body, fence, usual()).await
    };
    let arrived = if provider.accepted() == 0 { None } else { hears.recv().await.unwrap() };
    Some((sent.err(), arrived?))
}

trait AsyncReadWrite: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}

impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> AsyncReadWrite for S {}

#[tokio::test]
async fn one_that_passes_in_the_middle_cuts_the_request_short() {
    for protected in [false, true] {
        let (sent, arrived) = with_time(async |span| in_the_middle(protected, span).await).await;
        assert_eq!(sent, Some(Unsent::Doubt(Why::Fenced)), "protected: {protected}");
        assert!((1024..LARGE).contains(&arrived), "{arrived} bytes arrived");
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_it_is_still_heard() {
    let answer = with_time(async |span| {
        let fence = after(span);
        let provider = Provider::start(move |mut stream| async move {
            request(&mut stream).await;
            passed(fence).await;
            stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        })
        .await;
        match provider.post("{}", fence, usual()).await {
            Err(unsent) => {
                assert_eq!(unsent, Unsent::NotSent(Why::Fenced));
                None
            }
            answer => answer.ok(),
        }
    })
    .await;
    assert_eq!((answer.status, answer.body), (201, Bytes::from_static(b"{}")));
}

/// The system would go on sending what lies in its own buffers, for minutes where the way is blocked.
#[tokio::test]
async fn what_has_not_left_is_taken_back() {
    let (ended, arrived) = with_time(async |total| {
        let (given_up, (heard, mut hears)) = (Arc::new(tokio::sync::Notify::new()), mpsc::unbounded_channel());
        let told = given_up.clone();
        let provider = Provider::start(move |mut stream| {
            let (told, heard) = (told.clone(), heard.clone());
            async move {
                told.notified().await;
                let mut read = Vec::new();
                let ended = stream.read_to_end(&mut read).await;
                heard.send((ended.map_err(|cause| cause.kind()), read.len())).unwrap();
            }
        })
        .await;
        let sent = provider.post(vec![b'x'; LARGE], after(Duration::from_secs(60)), Caps::within(total)).await;
        given_up.notify_one();
        match sent.unwrap_err() {
            Unsent::Doubt(why) => assert_eq!(why, Why::Late(total)),
            Unsent::NotSent(_) => return None,
        }
        hears.recv().await
    })
    .await;
    assert_eq!(ended, Err(std::io::ErrorKind::ConnectionReset));
    assert!(arrived < LARGE, "{arrived} bytes arrived");
}

/// An answer that was had is no reason to end a connection rudely.
#[tokio::test]
async fn a_call_that_was_answered_ends_in_peace() {
    let (ended, (heard, mut hears)) = (Arc::new(tokio::sync::Notify::new()), mpsc::unbounded_channel());
    let told = ended.clone();
    let provider = Provider::start(move |mut stream| {
        let (told, heard) = (told.clone(), heard.clone());
        async move {
            request(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            told.notified().await;
            heard.send(stream.take_error().unwrap().map(|cause| cause.kind())).unwrap();
        }
    })
    .await;
    provider.post("{}", after(Duration::from_secs(60)), usual()).await.unwrap();
    ended.notify_one();
    assert_eq!(hears.recv().await, Some(None));
}

/// Dropping a call ends its connection: nothing of it goes on by itself.
#[tokio::test]
async fn a_call_that_is_given_up_is_over() {
    let (heard, mut hears) = mpsc::unbounded_channel();
    let read = Arc::new(tokio::sync::Notify::new());
    let (reads, reader) = (read.clone(), heard);
    let provider = Provider::start(move |mut stream| {
        let (read, heard) = (reads.clone(), reader.clone());
        async move {
            request(&mut stream).await;
            read.notify_one();
            let mut rest = Vec::new();
            let ended = stream.read_to_end(&mut rest).await.map(|_| rest.len());
            heard.send(ended.unwrap_or(0)).unwrap();
        }
    })
    .await;
    tokio::select! {
        answer = provider.post("{}", after(Duration::from_secs(60)), usual()) => panic!("answered: {answer:?}"),
        () = read.notified() => {}
    }
    assert_eq!(hears.recv().await, Some(0));
}
