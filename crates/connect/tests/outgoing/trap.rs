//! Nothing that is inside is ever connected to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use statehouse_connect::egress::{Allowed, Answer, Caps, Client, Destination, Network, Refused, Soon, Unsent, Why};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::provider::{Authority, Net, PUBLIC, Provider, far, request, usual};

const NOWHERE: &str = include_str!("../../data/nowhere.txt");

/// Listens on both addresses of this machine at one port, and counts.
async fn trap() -> (u16, Arc<AtomicUsize>) {
    let accepted = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        // A machine without version 6 has one address less to guard.
        let listeners: Vec<_> = [Some(first), TcpListener::bind(("::1", port)).await.ok()].into_iter().flatten().collect();
        if listeners.len() == 2 || TcpListener::bind("[::1]:0").await.is_err() {
            for listener in listeners {
                let accepted = accepted.clone();
                tokio::spawn(async move {
                    while listener.accept().await.is_ok() {
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            return (port, accepted);
        }
    }
    unreachable!("no port is free on both addresses");
}

/// The same address at another port, where the text has a place for one.
fn at_port(text: &str, port: u16) -> String {
    let bare = text.strip_suffix('/').unwrap_or(text);
    let bare = bare.strip_suffix(":443").unwrap_or(bare);
    if bare == text { text.to_owned() } else { format!("{bare}:{port}/") }
}

async fn call(client: &Client, text: &str, allowed: &Allowed) -> Option<Result<Answer, Unsent>> {
    // What is no address to `http` cannot even be asked for.
    let request = Request::post(text).body(Bytes::from_static(b"{}")).ok()?;
    Some(client.send(request, allowed, far(), usual()).await)
}

fn listed() -> Vec<&'static str> {
    NOWHERE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// A network that leads everything into the trap, whatever the address.
fn into(port: u16) -> Arc<Net> {
    Net::answering(&[&["127.0.0.1"]], Some(([127, 0, 0, 1], port).into()))
}

#[tokio::test]
async fn none_of_the_listed_addresses_is_connected_to() {
    let (port, accepted) = trap().await;
    let (net, mut refused, mut impossible) = (into(port), 0, 0);
    let clients = [Client::system(None).unwrap(), Client::new(net.clone(), None).unwrap()];
    for text in listed() {
        let text = at_port(text, port);
        // A definition may also declare such a host by name, without its port.
        let host = url::Url::parse(&text).ok().and_then(|url| Some(vec![url.host()?.to_string()])).unwrap_or_default();
        for (client, allowed) in clients.iter().flat_map(|client| [(client, Allowed::Outside), (client, Allowed::Hosts(host.clone()))]) {
            match call(client, &text, &allowed).await {
                None => impossible += 1,
                Some(answer) => {
                    assert!(matches!(answer, Err(Unsent::NotSent(Why::Refused(_)))), "{text}: {answer:?}");
                    assert_eq!(answer.unwrap_err().code().code, "SH7001");
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((accepted.load(Ordering::SeqCst), net.dialled()), (0, vec![]));
    assert!(refused >= 4 * 80, "{refused} refused, {impossible} impossible");
}

/// The trap does catch: without the judgment, the same addresses lead into it.
#[tokio::test]
async fn without_the_judgment_they_would_be() {
    let (port, accepted) = trap().await;
    let mut asked = 0;
    for text in listed() {
        let Ok(url) = url::Url::parse(&at_port(text, port)) else { continue };
        if let (Some(host), Some(to)) = (url.host_str(), url.port()) {
            asked += usize::from(to == port);
            let net = into(port);
            let addresses = net.resolve(host).await.unwrap();
            let _ = net.connect((addresses[0], to).into()).await;
        }
    }
    while accepted.load(Ordering::SeqCst) < asked {
        tokio::task::yield_now().await;
    }
    assert!(asked >= 80, "{asked}");
}

/// Posts as a careless client would: the name is judged, and then looked up once more.
async fn careless(net: &Net, text: &str) -> Result<(), Refused> {
    let destination = Destination::parse(text, &Allowed::Outside)?;
    let host = destination.url.host_str().unwrap();
    for address in net.resolve(host).await.unwrap() {
        destination.dial(address)?;
    }
    let address = net.resolve(host).await.unwrap()[0];
    let _ = net.connect((address, destination.url.port().unwrap()).into()).await;
    Ok(())
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_the_second_time() {
    let (port, accepted) = trap().await;
    let text = format!("https://rebound.example.com:{port}/");
    let answers: [&[&str]; 2] = [&[PUBLIC], &["127.0.0.1"]];
    // Nobody is at the public address, so that whoever arrives has gone to the other.
    let net = Net::answering(&answers, None);
    let answer = call(&Client::new(net.clone(), None).unwrap(), &text, &Allowed::Outside).await.unwrap();
    assert!(matches!(answer, Err(Unsent::NotSent(Why::Unreachable))), "{answer:?}");
    assert_eq!((net.dialled(), net.resolved.load(Ordering::SeqCst)), (vec![PUBLIC.to_owned()], 1));
    // The next call asks anew, and is refused.
    let answer = call(&Client::new(net.clone(), None).unwrap(), &text, &Allowed::Outside).await.unwrap();
    assert!(matches!(answer, Err(Unsent::NotSent(Why::Refused(Refused::Inside(..))))), "{answer:?}");
    assert_eq!((net.dialled().len(), accepted.load(Ordering::SeqCst)), (1, 0));

    let net = Net::answering(&answers, Some(([127, 0, 0, 1], port).into()));
    careless(&net, &text).await.unwrap();
    assert_eq!(net.dialled(), ["127.0.0.1"], "the careless one is caught by the same look");
    while accepted.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_name_with_one_address_inside_is_not_called_at_the_others() {
    for inside in ["10.0.0.1", "127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1", "fd00:ec2::254"] {
        for answer in [[PUBLIC, inside], [inside, PUBLIC]] {
            let net = Net::answering(&[&answer], None);
            let sent = call(&Client::new(net.clone(), None).unwrap(), "https://api.example.com/", &Allowed::Outside).await.unwrap();
            assert!(matches!(sent, Err(Unsent::NotSent(Why::Refused(Refused::Inside(..))))), "{answer:?}: {sent:?}");
            assert_eq!(net.dialled(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn the_next_address_is_tried_where_nobody_is() {
    let net = Net::answering(&[&["2606:2800:21f:cb07:6820:80da:af6b:8b2c", PUBLIC]], None);
    let sent = call(&Client::new(net.clone(), None).unwrap(), "https://api.example.com/", &Allowed::Outside).await.unwrap();
    assert!(matches!(sent, Err(Unsent::NotSent(Why::Unreachable))), "{sent:?}");
    assert_eq!(net.dialled(), ["2606:2800:21f:cb07:6820:80da:af6b:8b2c", PUBLIC]);
}

/// A network in which version 6 swallows everything.
struct Swallowing(Arc<Net>);

impl Network for Swallowing {
    fn resolve<'a>(&'a self, host: &'a str) -> Soon<'a, std::io::Result<Vec<std::net::IpAddr>>> {
        self.0.resolve(host)
    }

    fn connect(&self, address: SocketAddr) -> Soon<'_, std::io::Result<TcpStream>> {
        if address.is_ipv6() { Box::pin(std::future::pending()) } else { self.0.connect(address) }
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_swallows_everything_leaves_the_others_their_time() {
    let net = Net::answering(&[&["2606:2800:21f:cb07:6820:80da:af6b:8b2c", PUBLIC]], None);
    let client = Client::new(Arc::new(Swallowing(net.clone())), None).unwrap();
    let request = Request::get("https://api.example.com/").body(Bytes::new()).unwrap();
    let sent = client.send(request, &Allowed::Outside, far(), usual()).await;
    assert_eq!((sent.err(), net.dialled()), (Some(Unsent::NotSent(Why::Unreachable)), vec![PUBLIC.to_owned()]));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (port, accepted) = trap().await;
    for status in [301, 302, 303, 307, 308] {
        let provider = Provider::start(move |mut stream| async move {
            request(&mut stream).await;
            let to = format!("HTTP/1.1 {status} Moved\r\nlocation: http://127.0.0.1:{port}/\r\nrefresh: 0; url=http://127.0.0.1:{port}/\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(to.as_bytes()).await.unwrap();
        })
        .await;
        let answer = provider.post("{}", far(), usual()).await.unwrap();
        assert_eq!((answer.status, provider.accepted()), (status, 1));
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_stand_in_is_reached_at_its_own_port_alone() {
    let (port, accepted) = trap().await;
    let provider = Provider::start(|mut stream| async move {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    })
    .await;
    assert_eq!(provider.post("", far(), usual()).await.unwrap().status, 204);
    for text in [format!("http://127.0.0.1:{port}/"), format!("http://localhost:{}/", provider.address.port())] {
        let answer = call(&Client::system(None).unwrap(), &text, &provider.stand_in()).await.unwrap();
        assert!(matches!(answer, Err(Unsent::NotSent(Why::Refused(Refused::NotDeclared(_))))), "{answer:?}");
    }
    assert_eq!((accepted.load(Ordering::SeqCst), provider.accepted()), (0, 1));
}

/// This test again, in a process whose environment names a proxy.
#[tokio::test]
async fn no_proxy_is_used() {
    const INNER: &str = "STATEHOUSE_TEST_BEHIND_A_PROXY";
    if std::env::var_os(INNER).is_none() {
        let (port, accepted) = trap().await;
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "trap::no_proxy_is_used"]).env(INNER, "1");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env(name, format!("http://127.0.0.1:{port}"));
        }
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(accepted.load(Ordering::SeqCst), 0);
        return;
    }
    let provider = Provider::start(|mut stream| async move {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    })
    .await;
    assert_eq!(provider.post("", far(), usual()).await.unwrap().status, 204);
    let authority = Authority::new();
    let net = Net::answering(&[&[PUBLIC]], None);
    let client = Client::new(net.clone(), Some(authority.pem().as_bytes())).unwrap();
    let caps = Caps { connect: Duration::from_secs(1), ..usual() };
    let request = Request::get("https://api.example.com/").body(Bytes::new()).unwrap();
    assert!(client.send(request, &Allowed::Outside, far(), caps).await.is_err());
    assert_eq!(net.dialled(), [PUBLIC]);
}
