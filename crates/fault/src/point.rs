//! Named places at which a process can be held or killed from outside; without the feature `points` there are none.
//!
//! The harness listens on the socket that `STATEHOUSE_POINTS` names. Each time a point is reached the process
//! connects, writes one line, `NAME TASK\n`, and waits for one byte. So a harness sees who stands where, lets one go
//! on and holds the others, or kills the process, which needs no answer.

/// A place that can be held: `point!("store.settle_effects:before")`, in an async function, as a statement.
///
/// The names of a pair end in `:before` and `:after` and stand around one write or one send.
#[cfg(not(feature = "points"))]
#[macro_export]
macro_rules! point {
    ($name:literal) => {{}};
}

/// A place that can be held: `point!("store.settle_effects:before")`, in an async function, as a statement.
///
/// The names of a pair end in `:before` and `:after` and stand around one write or one send.
#[cfg(feature = "points")]
#[macro_export]
macro_rules! point {
    ($name:literal) => {
        $crate::point::reach($name).await
    };
}

#[cfg(feature = "points")]
pub use held::reach;

#[cfg(feature = "points")]
mod held {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    /// A full queue of the listener is told as "would block"; it empties as fast as the harness accepts.
    const CONNECTS_MAX: u32 = 10_000;

    /// Says that the point `name` is reached and waits until the harness lets go; at once where nobody listens.
    pub async fn reach(name: &'static str) {
        static SOCKET: OnceLock<Option<PathBuf>> = OnceLock::new();
        let socket = SOCKET.get_or_init(|| std::env::var_os("STATEHOUSE_POINTS").filter(|path| !path.is_empty()).map(PathBuf::from));
        if let Some(socket) = socket {
            // A harness that has gone holds nobody.
            let _ = hold(socket, name).await;
        }
    }

    async fn hold(socket: &Path, name: &str) -> io::Result<()> {
        let mut stream = connect(socket).await?;
        let task = tokio::task::try_id().map_or_else(|| "main".to_owned(), |id| id.to_string());
        stream.write_all(format!("{name} {task}\n").as_bytes()).await?;
        stream.read_u8().await.map(drop)
    }

    async fn connect(socket: &Path) -> io::Result<UnixStream> {
        for _ in 0..CONNECTS_MAX {
            match UnixStream::connect(socket).await {
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => tokio::task::yield_now().await,
                connected => return connected,
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}
