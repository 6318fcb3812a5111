//! Stands between a client and Postgres and cuts the line where a transaction commits.

mod frame;
mod track;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::AsyncWriteExt;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use track::{Group, Track};

const SOCKET: &str = ".s.PGSQL.5432";

/// Where the line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the server hears of the commit: nothing is written.
    BeforeForward,
    /// Once it was told: nobody knows.
    AfterForward,
    /// When the server has said that it is written, and before the client hears of it.
    BeforeRelay,
}

impl Cut {
    /// All three.
    pub const ALL: [Cut; 3] = [Cut::BeforeForward, Cut::AfterForward, Cut::BeforeRelay];
}

/// What is to be cut next.
#[derive(Debug, Default)]
struct Plan {
    armed: Option<(Cut, String)>,
    cuts: u64,
}

#[derive(Debug)]
struct Shared {
    server: PathBuf,
    plan: Mutex<Plan>,
    done: Notify,
}

/// A socket that leads to the server until it is told to cut.
#[derive(Debug)]
pub struct Proxy {
    dir: PathBuf,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens in `dir` for clients of the server whose socket lies in `server`.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn start(dir: &Path, server: &Path) -> io::Result<Proxy> {
        let listener = UnixListener::bind(dir.join(SOCKET))?;
        let shared = Arc::new(Shared { server: server.join(SOCKET), plan: Mutex::default(), done: Notify::new() });
        let accepting = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(serve(client, Arc::clone(&shared)));
                }
            }
        });
        Ok(Proxy { dir: dir.to_owned(), shared, accepting })
    }

    /// The directory of its socket: what clients call `host`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The next transaction that commits and in which `naming` (lower case) was said is cut at `cut`.
    pub fn arm(&self, cut: Cut, naming: &str) {
        self.shared.plan().armed = Some((cut, naming.to_owned()));
    }

    /// How often it has cut.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.plan().cuts
    }

    /// Returns once it has cut `times` in all.
    pub async fn has_cut(&self, times: u64) {
        loop {
            let next = self.shared.done.notified();
            if self.cuts() >= times {
                return;
            }
            next.await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.plan)
    }

    /// Takes the armed cut if this group is the one that was meant.
    fn cut(&self, group: &Group) -> Option<(Cut, String)> {
        let mut plan = self.plan();
        let meant = plan.armed.as_ref().is_some_and(|(_, naming)| group.commits && group.said.contains(naming.as_str()));
        if meant { plan.armed.take() } else { None }
    }

    fn has_cut(&self) {
        self.plan().cuts += 1;
        self.done.notify_waiters();
    }
}

/// Which answers, counted from the first `ReadyForQuery`, are not to be relayed, and where the plan came from.
type Withheld = Arc<Mutex<HashMap<u64, String>>>;
/// Where answers go; none once the client was cut off.
type Answers = Arc<tokio::sync::Mutex<Option<OwnedWriteHalf>>>;

async fn serve(client: UnixStream, shared: Arc<Shared>) {
    let Ok(server) = UnixStream::connect(&shared.server).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let withheld = Withheld::default();
    let answers: Answers = Arc::new(tokio::sync::Mutex::new(Some(to_client)));
    let mut down = tokio::spawn(downwards(from_server, Arc::clone(&answers), Arc::clone(&shared), Arc::clone(&withheld)));
    tokio::select! {
        // Both halves are dropped, so that the other end sees it.
        _ = &mut down => {}
        ended = upwards(from_client, to_server, &shared, &withheld) => match ended {
            // The server is not told that nobody listens any more: its answers are read and thrown away.
            Ok(Some(Cut::AfterForward)) => {
                answers.lock().await.take();
                shared.has_cut();
            }
            Ok(Some(_)) => {
                down.abort();
                answers.lock().await.take();
                shared.has_cut();
            }
            Ok(None) | Err(_) => down.abort(),
        },
    }
}

/// What the client says goes to the server, group by group; ends with the client, or with a cut.
async fn upwards(mut client: OwnedReadHalf, mut server: OwnedWriteHalf, shared: &Shared, withheld: &Withheld) -> io::Result<Option<Cut>> {
    let mut track = Track::default();
    let mut first = true;
    let mut asked = 0;
    while let Some(frame) = frame::read(&mut client, first).await? {
        first = false;
        let Some(group) = track.take(frame) else { continue };
        if matches!(group.frames.last().map(|frame| frame.kind), Some(b'Q' | b'S')) {
            asked += 1;
        }
        let cut = shared.cut(&group);
        match &cut {
            Some((Cut::BeforeForward, _)) => return Ok(Some(Cut::BeforeForward)),
            Some((Cut::BeforeRelay, naming)) => _ = lock(withheld).insert(asked, naming.clone()),
            _ => {}
        }
        let bytes: Vec<u8> = group.frames.into_iter().flat_map(|frame| frame.bytes).collect();
        server.write_all(&bytes).await?;
        if matches!(cut, Some((Cut::AfterForward, _))) {
            return Ok(Some(Cut::AfterForward));
        }
    }
    Ok(None)
}

/// What the server answers goes to the client, unless it is withheld.
async fn downwards(mut server: OwnedReadHalf, client: Answers, shared: Arc<Shared>, withheld: Withheld) -> io::Result<()> {
    // The server says once of its own that it is ready, when a client has entered; so the first answer is number one.
    let mut answered = 0;
    let mut kept: Vec<u8> = Vec::new();
    let mut refused = false;
    while let Some(frame) = frame::read(&mut server, false).await? {
        // A commit of what has failed is answered as the rollback it was.
        refused |= frame.kind == b'E' || frame.kind == b'C' && frame.body().starts_with(b"ROLLBACK");
        let whole = frame.kind == b'Z';
        let mut send = frame.bytes;
        let meant = lock(&withheld).get(&answered).cloned();
        if let Some(naming) = meant {
            kept.append(&mut send);
            match (whole, refused) {
                (false, _) => {}
                (true, false) => {
                    client.lock().await.take();
                    shared.has_cut();
                    return Ok(());
                }
                // Nothing was written, so there is nothing to keep back; the next one is cut.
                (true, true) => {
                    shared.plan().armed = Some((Cut::BeforeRelay, naming));
                    send = std::mem::take(&mut kept);
                }
            }
        }
        if whole {
            (answered, refused) = (answered + 1, false);
        }
        if let Some(client) = client.lock().await.as_mut() {
            client.write_all(&send).await?;
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
