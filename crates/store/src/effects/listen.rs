//! Being woken. A commit that owes something tells nobody anything unless somebody sleeps, because a notification makes
//! commits wait for one another.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, NoTls};

use crate::{Login, Place, StoreFault};

/// Whoever falls asleep waits no longer than this for the transactions that have just written something.
const SETTLE_MS: u32 = 200;
/// Without the lock a commit may tell nobody, so a sleep without it is short.
const NAP: Duration = Duration::from_millis(500);

/// A connection that hears when something becomes due. There is one per process, beside the pools.
#[derive(Debug)]
pub struct Ear {
    client: Client,
    rung: Arc<Notify>,
    asleep: bool,
}

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Something was committed.
    Rung,
    /// The time was over.
    Time,
}

/// Begins to listen.
///
/// # Errors
/// When the database does not answer.
pub async fn listen(place: &Place) -> Result<Ear, StoreFault> {
    let doing = || StoreFault::doing("listening to the database");
    let (client, mut connection) = place.login(Login::Worker).connect(NoTls).await.map_err(doing())?;
    let rung = Arc::new(Notify::new());
    let bell = Arc::clone(&rung);
    tokio::spawn(async move {
        // The task ends with the client or the connection; a lost connection is told by the next call.
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(message, AsyncMessage::Notification(_)) {
                bell.notify_one();
            }
        }
        bell.notify_one();
    });
    client.batch_execute(include_str!("../../queries/due_listen.sql")).await.map_err(doing())?;
    Ok(Ear { client, rung, asleep: false })
}

impl Ear {
    /// Says that the caller is about to sleep: what is committed from now on rings. What was committed before is not told,
    /// so the caller looks once more before it calls [`Ear::wait`].
    ///
    /// # Errors
    /// When the connection is lost: make another one.
    pub async fn lie_down(&mut self) -> Result<(), StoreFault> {
        if !self.asleep {
            let lock = include_str!("../../queries/due_sleep.sql").replace("{ms}", &SETTLE_MS.to_string());
            self.asleep = match self.client.batch_execute(&lock).await {
                Ok(()) => true,
                // Somebody else sleeps already, or a long transaction is about to write: a short sleep will do.
                Err(cause) if cause.code().is_some_and(|code| code.code() == "55P03") => false,
                Err(cause) => return Err(StoreFault::doing("going to sleep")(cause)),
            };
        }
        Ok(())
    }

    /// Sleeps until something is committed or `most` is over, a shorter time where [`Ear::lie_down`] was not granted, and
    /// is awake after it. Dropped in the middle, the ear stays lying down: that costs others a notification, nothing else.
    ///
    /// # Errors
    /// When the connection is lost: make another one.
    pub async fn wait(&mut self, most: Duration) -> Result<Woken, StoreFault> {
        let most = if self.asleep { most } else { most.min(NAP) };
        let woken = match tokio::time::timeout(most, self.rung.notified()).await {
            Ok(()) => Woken::Rung,
            Err(_) => Woken::Time,
        };
        self.get_up().await?;
        Ok(woken)
    }

    /// Awake again: nobody needs to ring.
    ///
    /// # Errors
    /// When the connection is lost: make another one.
    pub async fn get_up(&mut self) -> Result<(), StoreFault> {
        if self.client.is_closed() {
            return Err(StoreFault::refused(statehouse_fault::SH5007, "the connection that listens was lost"));
        }
        if self.asleep {
            self.client.batch_execute(include_str!("../../queries/due_wake.sql")).await.map_err(StoreFault::doing("waking up"))?;
            self.asleep = false;
        }
        Ok(())
    }
}
