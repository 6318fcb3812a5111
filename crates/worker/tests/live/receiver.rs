//! Somebody outside who subscribed: an https server of this test, and a network on which its name leads there.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use statehouse_connect::egress::{Network, Soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The name of the receiver.
pub const HOST: &str = "hooks.example.org";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Came {
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// The receiver; ends with the test.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    /// What workers must trust to speak to it.
    pub roots: Vec<u8>,
    came: Arc<Mutex<Vec<Came>>>,
    answers: Arc<Mutex<VecDeque<String>>>,
}

impl Receiver {
    /// Listens, and answers 204 where nothing else was asked for.
    pub async fn start() -> Receiver {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(vec![HOST.to_owned()]).expect("parameters").signed_by(&key, &issuer).expect("a certificate");
        let chain = vec![CertificateDer::from_pem_slice(own.pem().as_bytes()).expect("PEM")];
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("PEM");
        let builder = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).expect("a certificate")));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver = Receiver {
            address: listener.local_addr().expect("an address"),
            roots: issuer.pem().into_bytes(),
            came: Arc::default(),
            answers: Arc::default(),
        };
        let own = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (own, acceptor) = (own.clone(), acceptor.clone());
                tokio::spawn(async move { own.serve(acceptor, stream).await });
            }
        });
        receiver
    }

    /// The next request is answered so: a status, and perhaps headers.
    pub fn answer(&self, head: &str) {
        self.answers.lock().expect("unpoisoned").push_back(head.to_owned());
    }

    /// What came so far.
    pub fn came(&self) -> Vec<Came> {
        self.came.lock().expect("unpoisoned").clone()
    }

    async fn serve(&self, acceptor: TlsAcceptor, stream: TcpStream) -> Option<()> {
        let mut stream = acceptor.accept(stream).await.ok()?;
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            read.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(read).ok()?;
        let mut headers = http::HeaderMap::new();
        for line in head.lines().skip(1).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ")?;
            headers.append(http::HeaderName::from_bytes(name.as_bytes()).ok()?, value.parse().ok()?);
        }
        let mut body = vec![0; headers.get("content-length")?.to_str().ok()?.parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
        self.came.lock().expect("unpoisoned").push(Came { headers, body });
        let head = self.answers.lock().expect("unpoisoned").pop_front().unwrap_or_else(|| "204 No Content".to_owned());
        stream.write_all(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await.ok()?;
        stream.shutdown().await.ok()
    }
}

impl Network for Receiver {
    fn resolve<'a>(&'a self, host: &'a str) -> Soon<'a, std::io::Result<Vec<IpAddr>>> {
        assert_eq!(host, HOST);
        // An address that is outside; where it leads is decided below.
        Box::pin(async { Ok(vec![IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14))]) })
    }

    fn connect(&self, _address: SocketAddr) -> Soon<'_, std::io::Result<TcpStream>> {
        Box::pin(TcpStream::connect(self.address))
    }
}
