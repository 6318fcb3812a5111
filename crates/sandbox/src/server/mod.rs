//! Accepting connections, some of which end as no server would end them on purpose.

mod answer;
mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tower::ServiceExt;

use crate::control;
use crate::shared::Shared;
use wire::Wire;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// Listens.
///
/// # Errors
/// When the address cannot be had.
pub(crate) fn listen(wanted: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if wanted.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(wanted)?;
    socket.listen(BACKLOG)
}

/// An answer that is none: the connection is to be reset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut;

/// Answers until the sandbox is stopped; connections end with it.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let router: Router = control::router().fallback(answer::stand_in).with_state(Arc::clone(&shared));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.end() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of descriptors: those at hand must end first.
            shared.pause(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (router, shared) = (router.clone(), Arc::clone(&shared));
        shared.clone().spawn(async move {
            let wire = Wire::new(stream);
            let reset = wire.reset();
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let (router, reset) = (router.clone(), reset.clone());
                async move {
                    let answered: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
                    let Ok(answer) = answered;
                    if answer.extensions().get::<Cut>().is_some() {
                        reset.now();
                        return Err(wire::IsReset);
                    }
                    Ok(answer)
                }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(wire), service);
            tokio::select! {
                // A caller who breaks off is no event of ours.
                _ = connection => {}
                () = shared.end() => {}
            }
        });
    }
}
