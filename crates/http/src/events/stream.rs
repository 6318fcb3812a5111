//! One reader: a task that reads pages under the reader's session and hands them to the body, which holds two at most.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use statehouse_fault::{Fault, SH5003, SH5005, SH5007, SH6013, SH6203};
use statehouse_store::StoreFault;
use statehouse_store::feed::{self, Cursor, Page};
use statehouse_store::record::Session;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::frame;
use super::hub::Seat;
use crate::Shared;

/// Pages a reader may be behind with; more is never read for it.
const PAGES_MAX: usize = 2;
/// How far a page goes in the log of each entity.
const PLACES_MAX: i32 = 256;
/// A transaction that holds everybody back for so long is told.
const LAG: Duration = Duration::from_secs(2);
/// And told again.
const LAG_AGAIN: Duration = Duration::from_secs(5);
/// A fault of storage that may pass is tried again this often.
const TRIES_MAX: u32 = 5;

/// Begins to read after `at`; the answer's body.
pub(super) fn open(shared: Arc<Shared>, session: Session, entities: Vec<String>, at: Cursor, seat: Seat) -> Body {
    let (pages, taken) = mpsc::channel(PAGES_MAX);
    let last = Arc::new(OnceLock::new());
    let reader =
        Reader { session, entities, at, seat, pages, read: None, told: None, slow: Duration::from_secs(shared.settings.feed.slow_s) };
    let heartbeat = Duration::from_secs(shared.settings.feed.heartbeat_s);
    tokio::spawn(read(shared, reader, heartbeat, Arc::clone(&last)));
    Body::new(Pages { taken, last, said: false })
}

struct Reader {
    session: Session,
    entities: Vec<String>,
    at: Cursor,
    seat: Seat,
    pages: mpsc::Sender<Bytes>,
    /// When the last page was read.
    read: Option<Instant>,
    /// When it was last told that everybody is held back.
    told: Option<Instant>,
    slow: Duration,
}

/// Why a stream ends.
enum End {
    /// The reader has gone.
    Gone,
    /// The reader takes nothing.
    Slow,
    /// The session is over, or storage stays away.
    Fault(Box<Fault>),
}

async fn read(shared: Arc<Shared>, mut reader: Reader, heartbeat: Duration, last: Arc<OnceLock<Bytes>>) {
    // A reader who goes, and a server that stops, end it wherever it stands: a page is read whole or not at all.
    let gone = reader.pages.clone();
    let end = tokio::select! {
        end = reader.follow(heartbeat) => end,
        () = gone.closed() => End::Gone,
        () = shared.stopped() => {
            let fault = Fault::new(SH6013, "the server is stopping").with_help("connect again with the last id");
            let _ = last.set(frame::end(reader.at, "stopping", &fault, 1_000));
            return;
        }
    };
    let words = match end {
        End::Gone => return,
        End::Slow => {
            let fault = Fault::new(SH6203, format!("the stream waited {} s for its reader", reader.slow.as_secs()));
            frame::end(reader.at, "too_slow", &fault, 5_000)
        }
        End::Fault(fault) => frame::end(reader.at, if fault.code.status < 500 { "session_over" } else { "failed" }, &fault, 5_000),
    };
    let _ = last.set(words);
}

impl Reader {
    async fn follow(&mut self, heartbeat: Duration) -> End {
        let mut beat = tokio::time::interval_at(Instant::now() + heartbeat, heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let opening = frame::opening(self.at);
        match self.write(opening).await.and(self.advance().await) {
            Ok(()) => {}
            Err(end) => return end,
        }
        loop {
            let beats = tokio::select! {
                moved = self.seat.heads.changed() => {
                    if moved.is_err() { return End::Gone; }
                    false
                }
                _ = beat.tick() => true,
                () = tokio::time::sleep(LAG) => false,
            };
            let done = async {
                self.tell_lag().await?;
                // A beat reads too: a session that is over ends the stream though nothing happens.
                if beats || self.seat.behind(self.at) {
                    self.advance().await?;
                }
                if beats { self.write(frame::beat(self.at)).await } else { Ok(()) }
            };
            if let Err(end) = done.await {
                return end;
            }
        }
    }

    /// Reads up to the end of the feed: at the reader's pace to begin with, and then, while there is more, as fast as it
    /// is taken and turns come.
    async fn advance(&mut self) -> Result<(), End> {
        if let Some(read) = self.read {
            tokio::time::sleep_until(read + self.seat.pace()).await;
        }
        loop {
            let page = self.page().await?;
            if !page.events.is_empty() {
                self.write(frame::events(&page.events)).await?;
                self.seat.served(page.events.len());
            }
            // Only now: what the body does not hold has not been served.
            self.at = page.next;
            if !page.more {
                return Ok(());
            }
        }
    }

    async fn page(&mut self) -> Result<Page, End> {
        // Room first: what nobody takes is not read.
        let room = tokio::time::timeout(self.slow, self.pages.reserve()).await;
        drop(room.map_err(|_| End::Slow)?.map_err(|_| End::Gone)?);
        let mut tried = 0;
        loop {
            match self.once().await {
                Ok(page) => return Ok(page),
                Err(fault) => {
                    let shown = fault.fault();
                    let passing = [SH5003, SH5005, SH5007].contains(&shown.code);
                    if !passing || tried == TRIES_MAX {
                        return Err(End::Fault(Box::new(told(shown))));
                    }
                    tried += 1;
                    tokio::time::sleep(Duration::from_millis(200 << tried)).await;
                }
            }
        }
    }

    async fn once(&mut self) -> Result<Page, StoreFault> {
        let reading = self.seat.reading()?;
        let turn = reading.turns.acquire().await;
        let page = feed::page(&reading.db, &self.session, &self.entities, self.at, PLACES_MAX).await;
        drop(turn);
        self.read = Some(Instant::now());
        page
    }

    async fn tell_lag(&mut self) -> Result<(), End> {
        let held = self.seat.held().filter(|held| *held > LAG);
        match (held, self.told) {
            (Some(held), told) if told.is_none_or(|at| at.elapsed() >= LAG_AGAIN) => {
                self.told = Some(Instant::now());
                self.write(frame::lag(held.as_secs())).await
            }
            (None, Some(_)) => {
                self.told = None;
                self.write(frame::lag(0)).await
            }
            _ => Ok(()),
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), End> {
        match tokio::time::timeout(self.slow, self.pages.send(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Slow),
        }
    }
}

/// What a caller may know of a fault of ours.
fn told(mut fault: Fault) -> Fault {
    if fault.code.status >= 500 {
        tracing::error!(code = %fault.code, detail = %fault.detail, "a stream of events ended");
        fault.detail = fault.code.title.to_owned();
    }
    fault
}

/// The body: pages as they come, then the last words.
struct Pages {
    taken: mpsc::Receiver<Bytes>,
    last: Arc<OnceLock<Bytes>>,
    said: bool,
}

impl http_body::Body for Pages {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.taken.poll_recv(cx) {
            Poll::Ready(Some(page)) => Poll::Ready(Some(Ok(Frame::data(page)))),
            Poll::Ready(None) => {
                // They are said before the last sender is dropped.
                let words = if std::mem::replace(&mut self.said, true) { None } else { self.last.get().cloned() };
                Poll::Ready(words.map(|words| Ok(Frame::data(words))))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
