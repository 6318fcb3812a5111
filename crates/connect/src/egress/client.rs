//! The one client through which anything leaves.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use statehouse_fault::{Code, SH7001, SH7005, SH7006, point};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::destination::{Allowed, Destination, Refused};
use super::fence::{Fence, Gate, Mark, Progress};
use super::network::{Network, System, dial};
use super::tls::{Identity, NotACertificate, Trust};

/// A client that calls what is allowed, and nothing that is inside.
#[derive(Clone)]
pub struct Client {
    network: Arc<dyn Network>,
    trust: Trust,
}

/// How much of the outside is borne.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// How long it may take until a connection stands, the handshake with it.
    pub connect: Duration,
    /// How long the whole call may take.
    pub total: Duration,
    /// The most bytes of an answer's head; 8 KiB at the least.
    pub head_max: usize,
    /// The most bytes of an answer's body.
    pub body_max: usize,
}

impl Caps {
    /// The usual ones around a call that may take so long.
    pub fn within(total: Duration) -> Caps {
        Caps { connect: Duration::from_secs(5), total, head_max: 64 << 10, body_max: 1 << 20 }
    }
}

/// What was answered. A redirect is an answer.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// There is no answer; which of the two it is decides whether the call may be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// No byte of the request was written.
    #[error("not sent: {0}")]
    NotSent(Why),
    /// Some were, and nobody knows what came of it.
    #[error("sent, and no answer had: {0}")]
    Doubt(Why),
}

impl Unsent {
    /// The code under which it is told.
    pub fn code(&self) -> &'static Code {
        match self {
            Unsent::NotSent(Why::Refused(_)) => SH7001,
            Unsent::NotSent(_) => SH7005,
            Unsent::Doubt(_) => SH7006,
        }
    }
}

/// Why there is no answer. None of these holds anything of the request but the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It is not called.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Its name leads nowhere.
    #[error("the name of the host leads nowhere")]
    Unresolved,
    /// Nobody takes the connection.
    #[error("the host cannot be reached")]
    Unreachable,
    /// It could not show who it is, or did not take us for who we are.
    #[error("no protected connection: {0}")]
    Untrusted(String),
    /// The lease ran out.
    #[error("the lease has run out")]
    Fenced,
    /// It took too long.
    #[error("it took longer than {} ms", .0.as_millis())]
    Late(Duration),
    /// The connection ended too early.
    #[error("the connection was cut")]
    Cut,
    /// The head of the answer is no HTTP, or longer than is borne.
    #[error("the head of the answer cannot be read, or is too long")]
    Garbage,
    /// The body of the answer is too long.
    #[error("the body of the answer is longer than {0} bytes")]
    BodyTooLarge(usize),
    /// The body is packed, which was not asked for.
    #[error("the body of the answer is packed")]
    Packed,
}

impl Client {
    /// One over the machine's own network that trusts the public authorities, and those of a text in PEM form besides.
    ///
    /// # Errors
    /// [`NotACertificate`].
    pub fn system(extra_roots_pem: Option<&[u8]>) -> Result<Client, NotACertificate> {
        Client::new(Arc::new(System), extra_roots_pem)
    }

    /// The same over another network.
    ///
    /// # Errors
    /// [`NotACertificate`].
    pub fn new(network: Arc<dyn Network>, extra_roots_pem: Option<&[u8]>) -> Result<Client, NotACertificate> {
        Ok(Client { network, trust: Trust::new(extra_roots_pem)? })
    }

    /// A client certificate with its key, both from one text in PEM form.
    ///
    /// # Errors
    /// [`NotACertificate`].
    pub fn identity(&self, pem: &[u8]) -> Result<Identity, NotACertificate> {
        self.trust.identity(pem)
    }

    /// Makes a call over a connection of its own. No redirect is followed and nothing is tried again.
    ///
    /// # Errors
    /// Whether anything of the request was written, and why there is no answer.
    pub async fn send(&self, request: http::Request<Bytes>, allowed: &Allowed, fence: Fence, caps: Caps) -> Result<Answer, Unsent> {
        self.send_as(request, allowed, None, fence, caps).await
    }

    /// The same with a client certificate.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_as(
        &self,
        request: http::Request<Bytes>,
        allowed: &Allowed,
        identity: Option<&Identity>,
        fence: Fence,
        caps: Caps,
    ) -> Result<Answer, Unsent> {
        point!("connect.send:before");
        let progress = Arc::new(Progress::default());
        let call = Call { request, fence, caps, progress: progress.clone() };
        let made = timeout(caps.total, self.make(call, allowed, identity)).await;
        point!("connect.send:after");
        let why = match made {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(why)) if !progress.was_fenced() => why,
            Ok(Err(_)) => Why::Fenced,
            Err(_) => Why::Late(caps.total),
        };
        // What is known is what was written, wherever and however it ended.
        Err(if progress.written() == 0 { Unsent::NotSent(why) } else { Unsent::Doubt(why) })
    }

    async fn make(&self, call: Call, allowed: &Allowed, identity: Option<&Identity>) -> Result<Answer, Why> {
        let destination = Destination::parse(&call.request.uri().to_string(), allowed)?;
        if call.fence.has_passed() {
            return Err(Why::Fenced);
        }
        let connecting = async {
            let (hold, stream) = dial(self.network.as_ref(), &destination, call.caps.connect).await?;
            let gate = Gate::new(stream, call.fence, call.progress.clone());
            let stream: Box<dyn Stream> = match destination.url.scheme() {
                "https" => Box::new(self.trust.greet(gate, destination.url.host_str().unwrap_or_default(), identity).await?),
                _ => Box::new(gate),
            };
            Ok::<_, Why>((hold, stream))
        };
        let (hold, stream) = timeout(call.caps.connect, connecting).await.map_err(|_| Why::Late(call.caps.connect))??;
        let answer = call.exchange(&destination, stream).await?;
        hold.release();
        Ok(answer)
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One call under way.
struct Call {
    request: http::Request<Bytes>,
    fence: Fence,
    caps: Caps,
    progress: Arc<Progress>,
}

impl Call {
    /// Writes the request and reads the answer. The connection is driven here and by no task of its own, so that it ends
    /// with the call however the call ends.
    async fn exchange(self, destination: &Destination, stream: Box<dyn Stream>) -> Result<Answer, Why> {
        let caps = self.caps;
        let io = TokioIo::new(Mark::new(stream, self.progress));
        let mut builder = http1::Builder::new();
        builder.max_buf_size(caps.head_max.max(8 << 10));
        let (mut sender, connection) = builder.handshake(io).await.map_err(|cause| why(&cause))?;
        let request = on_the_wire(self.request, destination)?;
        let answering = async {
            let (head, body) = sender.send_request(request).await.map_err(|cause| why(&cause))?.into_parts();
            let packed = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
            if head.headers.get_all(CONTENT_ENCODING).iter().any(packed) {
                return Err(Why::Packed);
            }
            Ok(Answer { status: head.status.as_u16(), body: whole(body, caps.body_max).await?, headers: head.headers })
        };
        let (mut answering, mut connection) = (std::pin::pin!(answering), std::pin::pin!(connection));
        let mut open = true;
        loop {
            tokio::select! {
                answer = &mut answering => return answer,
                // What has been read by then is still to be taken.
                _ = &mut connection, if open => open = false,
            }
        }
    }
}

/// The request as it is written: to a path of this host, with a connection for itself alone.
fn on_the_wire(request: http::Request<Bytes>, destination: &Destination) -> Result<http::Request<Full<Bytes>>, Why> {
    let (mut head, body) = request.into_parts();
    let url = &destination.url;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    head.uri = target.parse().map_err(|_| Refused::NotAnAddress)?;
    head.version = http::Version::HTTP_11;
    let mut headers = HeaderMap::with_capacity(head.headers.len() + 3);
    headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| Refused::NotAnAddress)?);
    if !head.headers.contains_key(USER_AGENT) {
        headers.insert(USER_AGENT, HeaderValue::from_static("statehouse"));
    }
    for (name, value) in &head.headers {
        // Where a message ends is said by whoever writes it.
        if !matches!(*name, HOST | CONNECTION | CONTENT_LENGTH | TRANSFER_ENCODING) {
            headers.append(name, value.clone());
        }
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    head.headers = headers;
    Ok(http::Request::from_parts(head, Full::new(body)))
}

/// The whole body, or the fact that there is more than is borne.
async fn whole(mut body: Incoming, most: usize) -> Result<Bytes, Why> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|cause| why(&cause))?.into_data() {
            if read.len() + data.len() > most {
                return Err(Why::BodyTooLarge(most));
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(read.into())
}

fn why(cause: &hyper::Error) -> Why {
    if cause.is_parse() { Why::Garbage } else { Why::Cut }
}
