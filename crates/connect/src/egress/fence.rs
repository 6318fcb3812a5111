//! The moment after which a process writes nothing more.
//!
//! A process that slept past its lease may wake up in the middle of a call that another process has made in the
//! meantime. So the moment is asked for at the socket, at every write, and not before the call; what little remains
//! between the question and the system's own call is not ours to close.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Until when something may be written. It holds against two clocks: the one that never goes back, and the wall's,
/// which alone goes on while a machine is suspended.
#[derive(Clone, Copy, Debug)]
pub struct Fence {
    until: Instant,
    wall: SystemTime,
}

impl Fence {
    /// One that stands at this moment.
    pub fn at(until: Instant) -> Fence {
        Fence { until, wall: SystemTime::now() + until.saturating_duration_since(Instant::now()).min(LONGEST) }
    }

    /// Whether the moment has come.
    pub fn has_passed(&self) -> bool {
        Instant::now() >= self.until || SystemTime::now() >= self.wall
    }
}

/// A lease is never longer, and so no sum of times overflows.
const LONGEST: Duration = Duration::from_secs(86_400);

/// How far a request has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    begun: AtomicBool,
    written: AtomicU64,
    fenced: AtomicBool,
}

impl Progress {
    /// Bytes that may carry some of the request and were handed to the system.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Whether a write was refused because its moment had passed.
    pub fn was_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }
}

/// A socket that takes nothing once the fence has passed. It lies beneath TLS, so that nothing goes around it.
#[derive(Debug)]
pub(super) struct Gate<S> {
    stream: S,
    fence: Fence,
    progress: Arc<Progress>,
}

impl<S> Gate<S> {
    pub fn new(stream: S, fence: Fence, progress: Arc<Progress>) -> Gate<S> {
        Gate { stream, fence, progress }
    }

    fn pass(&self) -> io::Result<()> {
        if !self.fence.has_passed() {
            return Ok(());
        }
        self.progress.fenced.store(true, Ordering::Release);
        Err(io::Error::new(io::ErrorKind::TimedOut, "the lease has run out"))
    }

    /// What is written before the request has begun is the handshake's.
    fn count(&self, written: usize) {
        if self.progress.begun.load(Ordering::Acquire) {
            self.progress.written.fetch_add(written as u64, Ordering::AcqRel);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gate<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.pass()?;
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.count(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.pass()?;
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, parts))?;
        self.count(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gate<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

/// Marks the moment at which the request itself begins. It lies above TLS, where the handshake is not seen.
#[derive(Debug)]
pub(super) struct Mark<S> {
    stream: S,
    progress: Arc<Progress>,
}

impl<S> Mark<S> {
    pub fn new(stream: S, progress: Arc<Progress>) -> Mark<S> {
        Mark { stream, progress }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Mark<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.progress.begun.store(true, Ordering::Release);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.progress.begun.store(true, Ordering::Release);
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Mark<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn ahead() -> Fence {
        Fence::at(Instant::now() + Duration::from_secs(60))
    }

    #[tokio::test]
    async fn only_the_request_is_counted() {
        let progress = Arc::new(Progress::default());
        let (near, mut far) = tokio::io::duplex(64);
        let mut gate = Gate::new(near, ahead(), progress.clone());
        gate.write_all(b"handshake").await.expect("written");
        assert_eq!(progress.written(), 0);
        let mut mark = Mark::new(gate, progress.clone());
        mark.write_all(b"request").await.expect("written");
        assert_eq!(progress.written(), 7);
        let mut arrived = [0; 16];
        far.read_exact(&mut arrived).await.expect("arrived");
        assert_eq!(&arrived, b"handshakerequest");
    }

    #[tokio::test]
    async fn nothing_passes_a_fence_that_has_passed() {
        for vectored in [false, true] {
            let progress = Arc::new(Progress::default());
            let (near, mut far) = tokio::io::duplex(64);
            let gate = Gate::new(near, Fence::at(Instant::now()), progress.clone());
            let mut mark = Mark::new(gate, progress.clone());
            let refused = if vectored { mark.write_vectored(&[io::IoSlice::new(b"request")]).await } else { mark.write(b"request").await };
            assert_eq!(refused.map_err(|cause| cause.kind()), Err(io::ErrorKind::TimedOut), "vectored: {vectored}");
            assert_eq!((progress.written(), progress.was_fenced()), (0, true));
            drop(mark);
            let mut arrived = Vec::new();
            far.read_to_end(&mut arrived).await.expect("closed");
            assert!(arrived.is_empty());
        }
    }

    #[tokio::test]
    async fn a_write_that_waited_is_asked_again() {
        let progress = Arc::new(Progress::default());
        let (near, mut far) = tokio::io::duplex(4);
        let mut mark = Mark::new(Gate::new(near, ahead(), progress.clone()), progress.clone());
        mark.write_all(b"requ").await.expect("the pipe holds four bytes");
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut mark).poll_write(&mut cx, b"est").is_pending());
        let mut arrived = [0; 4];
        far.read_exact(&mut arrived).await.expect("arrived");
        // There is room now, and it is too late.
        mark.stream.fence = Fence::at(Instant::now());
        assert_eq!(mark.write(b"est").await.map_err(|cause| cause.kind()), Err(io::ErrorKind::TimedOut));
        assert_eq!((progress.written(), progress.was_fenced()), (4, true));
    }

    #[test]
    fn either_clock_is_enough() {
        let slept = Fence { until: Instant::now() + Duration::from_secs(60), wall: SystemTime::now() };
        let clock_set_back = Fence { until: Instant::now(), wall: SystemTime::now() + Duration::from_secs(60) };
        assert_eq!([slept.has_passed(), clock_set_back.has_passed(), ahead().has_passed()], [true, true, false]);
    }
}
