//! Accepting connections, and stopping in order.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use statehouse_fault::{Fault, SH0009};
use statehouse_store::{Place, StoreFault};
use tokio::net::{TcpListener, TcpSocket};
use tower::ServiceExt;

use crate::limits::{Busy, Connection, HandedOn};
use crate::router::router;
use crate::{Settings, Shared};

/// A server that listens, and has not begun to answer.
#[derive(Debug)]
pub struct Serving {
    /// What every request shares.
    pub shared: Arc<Shared>,
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    more: Router<Arc<Shared>>,
}

/// Listens, opens the pools and loads the definition in force; [`Serving::run`] answers.
///
/// # Errors
/// `SH0009` when the address cannot be listened on, `SH0010` when the app is not applied, faults of storage.
pub async fn serve(settings: Settings, place: Place) -> Result<Serving, StoreFault> {
    let wanted = settings.listen;
    let taken = |cause: std::io::Error| {
        let fault = Fault::new(SH0009, format!("`{wanted}` cannot be listened on: {cause}"));
        StoreFault::from(fault.with_help("choose another address with `--listen`"))
    };
    let listener = listen(wanted).map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    let shared = Shared::open(settings, place, address).await?;
    Ok(Serving { shared, address, listener, more: Router::new() })
}

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;
/// What the system keeps of what a connection sends ahead. By itself it would let this grow to megabytes for each, and
/// whoever sends what nobody reads would have the machine copy it all.
const AHEAD_BYTES: u32 = 256 << 10;

fn listen(wanted: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if wanted.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_recv_buffer_size(AHEAD_BYTES)?;
    socket.bind(wanted)?;
    socket.listen(BACKLOG)
}

impl Serving {
    /// With routes of a crate beside this one, behind the same limits.
    pub fn with(mut self, routes: Router<Arc<Shared>>) -> Serving {
        self.more = self.more.merge(routes);
        self
    }

    /// Answers until `told` ends, then lets what is in flight finish, at most for the setting `drain_s`.
    pub async fn run(self, told: impl Future<Output = ()>) {
        let Serving { shared, listener, more, .. } = self;
        let service = router(Arc::clone(&shared), more);
        let following = tokio::spawn(Arc::clone(&shared).follow());
        let graceful = GracefulShutdown::new();
        let mut http = hyper::server::conn::http1::Builder::new();
        let limits = &shared.settings.limits;
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(limits.header_read_s))
            // The limits themselves are told in words by what stands around every request; here is where reading ends.
            .max_headers(limits.header_max_count * 2)
            .max_buf_size((limits.header_max_bytes * 2).max(32 << 10));
        let retiring = Duration::from_secs(shared.settings.retire_s);
        let mut told = std::pin::pin!(async {
            told.await;
            shared.retire();
            tokio::time::sleep(retiring).await;
        });
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = &mut told => break,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of descriptors: those at hand must end first.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let Some(counted) = shared.connections.open(peer.ip()) else {
                // Closed without a word: to answer would be to wait for somebody who may not read.
                shared.metrics.turned_away();
                continue;
            };
            let _ = stream.set_nodelay(true);
            let service = Counted { service: service.clone(), connection: Arc::clone(&counted), shared: Arc::clone(&shared), peer };
            let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
            tokio::spawn(async move {
                tokio::select! {
                    // A caller who breaks off is no event of ours.
                    _ = connection => {}
                    () = counted.closed() => {}
                }
            });
        }
        drop(listener);
        shared.stop();
        let drained = tokio::time::timeout(Duration::from_secs(shared.settings.drain_s), graceful.shutdown()).await;
        if drained.is_err() {
            tracing::warn!("requests were still in flight when the time to finish was over");
        }
        let _ = following.await;
    }
}

/// The router behind one connection: a request is at work from its headers to the end of its answer's body.
struct Counted {
    service: Router,
    connection: Arc<Connection>,
    shared: Arc<Shared>,
    peer: SocketAddr,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Counted {
    type Response = hyper::Response<AtWork>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let busy = self.connection.busy();
        let mut request = request.map(Body::new);
        let proxies = &self.shared.proxies;
        let client = proxies.client(self.peer.ip(), request.headers());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(client, self.peer.port())));
        if proxies.trusts(self.peer.ip()) {
            request.extensions_mut().insert(HandedOn);
        }
        request.extensions_mut().insert(Arc::clone(&self.connection));
        let answer = self.service.clone().oneshot(request);
        Box::pin(async move { Ok(answer.await?.map(|body| AtWork { body, _busy: busy })) })
    }
}

/// An answer's body; the connection is at work until it is sent or given up.
struct AtWork {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for AtWork {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
