//! Providers of a test: a real listener on loopback, and a network that leads a public address to it.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use statehouse_connect::egress::{Allowed, Answer, Caps, Client, Fence, Network, Soon, Unsent};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An address that is outside, where nobody of this test is.
pub const PUBLIC: &str = "93.184.215.14";

/// A listener that counts who comes.
#[derive(Clone)]
pub struct Provider {
    pub address: SocketAddr,
    pub accepted: Arc<AtomicUsize>,
}

impl Provider {
    /// Plays this with everyone who connects.
    pub async fn start<F, Fut>(play: F) -> Provider
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Provider { address: listener.local_addr().unwrap(), accepted: Arc::default() };
        let accepted = provider.accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(play(stream));
            }
        });
        provider
    }

    /// How many connected.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The address of this provider itself, as one of development is declared.
    pub fn stand_in(&self) -> Allowed {
        Allowed::Hosts(vec![self.address.to_string()])
    }

    /// Posts to it, as to a stand-in of development.
    pub async fn post(&self, body: impl Into<Bytes>, fence: Fence, caps: Caps) -> Result<Answer, Unsent> {
        let request = http::Request::post(format!("http://{}/pay", self.address)).body(body.into()).unwrap();
        Client::system(None).unwrap().send(request, &self.stand_in(), fence, caps).await
    }
}

/// A network where names are what the test says, and public addresses lead to a provider, or nowhere.
#[derive(Default)]
pub struct Net {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    to: Option<SocketAddr>,
    pub resolved: AtomicUsize,
    pub dialled: Mutex<Vec<SocketAddr>>,
}

impl Net {
    /// Every name leads to one public address, which is this provider's.
    pub fn of(provider: &Provider) -> Arc<Net> {
        Net::answering(&[&[PUBLIC]], Some(provider.address))
    }

    /// The first question is answered by the first list, the next by the next; the last stays.
    pub fn answering(answers: &[&[&str]], to: Option<SocketAddr>) -> Arc<Net> {
        let list = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Net { answers: Mutex::new(answers.iter().map(list).collect()), to, ..Net::default() })
    }

    pub fn dialled(&self) -> Vec<String> {
        self.dialled.lock().unwrap().iter().map(|address| address.ip().to_string()).collect()
    }
}

impl Network for Net {
    fn resolve<'a>(&'a self, _: &'a str) -> Soon<'a, io::Result<Vec<IpAddr>>> {
        self.resolved.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(std::future::ready(answer.ok_or_else(|| io::ErrorKind::NotFound.into())))
    }

    fn connect(&self, address: SocketAddr) -> Soon<'_, io::Result<TcpStream>> {
        self.dialled.lock().unwrap().push(address);
        let to = self.to;
        Box::pin(async move { TcpStream::connect(to.ok_or(io::ErrorKind::ConnectionRefused)?).await })
    }
}

/// An authority of the test's own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for this name and its key, in PEM form.
    pub fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> String {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        format!("{}{}", certificate.pem(), key.serialize_pem())
    }

    /// Shows the certificate of this text; asks for one of this authority's where `asks`.
    pub fn acceptor(&self, pem: &str, asks: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if asks {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes()).unwrap()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
    }
}

/// Reads one request: its head, and as much body as the head says.
pub async fn request(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    let mut read = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        read.push(byte);
        if read.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let head = String::from_utf8(read.clone()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |length| length.parse().unwrap());
    let at = read.len();
    read.resize(at + length, 0);
    stream.read_exact(&mut read[at..]).await.unwrap();
    String::from_utf8(read).unwrap()
}

pub fn after(span: Duration) -> Fence {
    Fence::at(Instant::now() + span)
}

/// A fence that no test reaches.
pub fn far() -> Fence {
    after(Duration::from_secs(600))
}

/// Caps that no test reaches.
pub fn usual() -> Caps {
    Caps { connect: Duration::from_secs(30), ..Caps::within(Duration::from_secs(30)) }
}

/// Waits until the fence has passed, by the clock and not by a guess.
pub async fn passed(fence: Fence) {
    let mut beat = tokio::time::interval(Duration::from_millis(5));
    while !fence.has_passed() {
        beat.tick().await;
    }
}

/// Tries with more and more time until what has to come before the time is over did come before it: on a busy machine
/// that takes longer.
pub async fn with_time<T>(attempt: impl AsyncFn(Duration) -> Option<T>) -> T {
    for span_ms in [300, 1_200, 5_000, 20_000] {
        if let Some(found) = attempt(Duration::from_millis(span_ms)).await {
            return found;
        }
    }
    panic!("twenty seconds were not enough");
}
