//! The framing of Postgres's protocol: one byte says what a message is, four say how long.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longer than any message of the tests.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// One message, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is; zero for the first message of a client, which has no such byte.
    pub kind: u8,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

impl Frame {
    /// What it says, without kind and length.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.bytes[if self.kind == 0 { 4 } else { 5 }..]
    }

    /// The texts of its body that end in a zero byte, from the first on.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.body().split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

/// The next message; none at the end of the stream.
///
/// # Errors
/// When the stream breaks, or says what is no message.
pub async fn read(stream: &mut (impl AsyncRead + Unpin), first: bool) -> io::Result<Option<Frame>> {
    let head = if first { 4 } else { 5 };
    let mut bytes = vec![0; head];
    match stream.read_exact(&mut bytes).await {
        Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => _ = read?,
    }
    let kind = if first { 0 } else { bytes[0] };
    let length = bytes[head - 4..].iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
    if !(4..=FRAME_BYTES_MAX).contains(&length) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.resize(head + length - 4, 0);
    stream.read_exact(&mut bytes[head..]).await?;
    Ok(Some(Frame { kind, bytes }))
}
