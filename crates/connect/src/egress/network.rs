//! The network as a client sees it: names and addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use url::Host;

use super::client::Why;
use super::destination::Destination;

/// More addresses of one name than this are not tried.
const ADDRESSES_MAX: usize = 4;

/// A future that a trait object gives.
pub type Soon<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What leads from a name to a connection. It is never asked twice about one call: the address that was judged is the
/// address that is dialled.
pub trait Network: Send + Sync + 'static {
    /// The addresses of a name, in the order in which they are tried.
    fn resolve<'a>(&'a self, host: &'a str) -> Soon<'a, io::Result<Vec<IpAddr>>>;

    /// A connection to this very address.
    fn connect(&self, address: SocketAddr) -> Soon<'_, io::Result<TcpStream>>;
}

/// The machine's own: its resolver, and no proxy, whatever the environment says.
#[derive(Clone, Copy, Debug)]
pub struct System;

impl Network for System {
    fn resolve<'a>(&'a self, host: &'a str) -> Soon<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect()) })
    }

    fn connect(&self, address: SocketAddr) -> Soon<'_, io::Result<TcpStream>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }
}

/// A hold on a connection by which what has not left yet is taken back when the connection ends, be it by the death of
/// this process. Otherwise the system would go on sending what is given up, and it could arrive after somebody was told
/// that it is not there.
#[derive(Debug)]
pub(super) struct Hold(Socket);

impl Hold {
    fn on(stream: &TcpStream) -> Result<Hold, Why> {
        let socket = SockRef::from(stream).try_clone().map_err(|_| Why::Unreachable)?;
        socket.set_linger(Some(Duration::ZERO)).map_err(|_| Why::Unreachable)?;
        Ok(Hold(socket))
    }

    /// The answer is here: the connection may end in peace.
    pub fn release(self) {
        // One that ended already has nothing to lose.
        let _ = self.0.set_linger(None);
    }
}

/// Connects to where the destination's name leads, once every address it leads to has been judged: a name with one
/// address that is inside is not called at the others either.
pub(super) async fn dial(network: &dyn Network, destination: &Destination, within: Duration) -> Result<(Hold, TcpStream), Why> {
    let addresses = addresses(network, destination).await?;
    for address in &addresses {
        destination.dial(*address)?;
    }
    let port = destination.url.port_or_known_default().unwrap_or(443);
    let until = Instant::now() + within;
    let tried = addresses.len().min(ADDRESSES_MAX);
    for (n, address) in addresses.into_iter().take(tried).enumerate() {
        // One that swallows everything leaves the others their share of the time.
        let share = until.saturating_duration_since(Instant::now()) / u32::try_from(tried - n).unwrap_or(1);
        if let Ok(Ok(stream)) = timeout(share, network.connect(SocketAddr::new(address, port))).await {
            return Ok((Hold::on(&stream)?, stream));
        }
    }
    Err(Why::Unreachable)
}

async fn addresses(network: &dyn Network, destination: &Destination) -> Result<Vec<IpAddr>, Why> {
    match destination.url.host() {
        Some(Host::Ipv4(address)) => Ok(vec![address.into()]),
        Some(Host::Ipv6(address)) => Ok(vec![address.into()]),
        Some(Host::Domain(name)) => network.resolve(name).await.ok().filter(|found| !found.is_empty()).ok_or(Why::Unresolved),
        None => Err(Why::Unresolved),
    }
}
