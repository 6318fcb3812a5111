//! HTTP by hand: what a caller costs here must not hide what the server costs.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A request without a body.
pub fn get(path: &str, key: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: statehouse\r\nauthorization: Bearer {key}\r\n\r\n")
}

/// A connection from an address of this machine.
pub async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends a request on an open connection and reads its answer whole; the status.
pub async fn exchange(stream: &mut TcpStream, request: &str) -> io::Result<u16> {
    stream.write_all(request.as_bytes()).await?;
    answer(stream).await
}

/// Reads one answer whole; the status.
pub async fn answer(stream: &mut TcpStream) -> io::Result<u16> {
    let mut said = Vec::with_capacity(4096);
    loop {
        if let Some((status, whole)) = read_head(&said)
            && said.len() >= whole
        {
            return Ok(status);
        }
        if stream.read_buf(&mut said).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// One request on a connection of its own: the status, and how long it took.
pub async fn ask(to: SocketAddr, request: String) -> io::Result<(u16, Duration)> {
    let began = Instant::now();
    let mut stream = connect([127, 0, 0, 1].into(), to).await?;
    let status = exchange(&mut stream, &request).await?;
    Ok((status, began.elapsed()))
}

/// The status, and how many bytes the answer has with its body; nothing while the head is not whole.
fn read_head(said: &[u8]) -> Option<(u16, usize)> {
    let head = said.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&said[..head]).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    let length =
        text.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|rest| rest.trim().parse::<usize>()));
    Some((status, head + length.and_then(Result::ok).unwrap_or_default()))
}
