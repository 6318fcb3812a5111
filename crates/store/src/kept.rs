//! Connections that are kept, and cleaned where somebody may have left something on them.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool::managed::{Manager, Metrics, Object, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;

/// What ends everything a caller may have left, but prepared statements. `begin` before `rollback`, because a rollback
/// outside a transaction leaves a warning in the server's log each time; inside a failed one it fails, and the
/// connection is thrown away.
const CLEAN: &str = "begin; rollback; close all; set session authorization default; reset all; unlisten *; \
    select pg_advisory_unlock_all(); discard temp; discard sequences";

/// A connection of a pool; it goes back when dropped.
pub type Kept = Object<Keeper>;

/// Makes connections and looks after those that come back.
#[derive(Debug)]
pub struct Keeper(pub(crate) deadpool_postgres::Manager);

/// A connection, and whether its present holder may leave something on it.
#[derive(Debug)]
pub struct Connection {
    client: ClientWrapper,
    used_freely: AtomicBool,
}

impl Connection {
    /// Has it cleaned before its next holder is given it.
    pub(crate) fn clean_after(&self) {
        self.used_freely.store(true, Ordering::Relaxed);
    }
}

impl Manager for Keeper {
    type Type = Connection;
    type Error = tokio_postgres::Error;

    async fn create(&self) -> Result<Connection, tokio_postgres::Error> {
        Ok(Connection { client: self.0.create().await?, used_freely: AtomicBool::new(false) })
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<tokio_postgres::Error> {
        self.0.recycle(&mut connection.client, metrics).await?;
        if connection.used_freely.swap(false, Ordering::Relaxed) {
            connection.client.simple_query(CLEAN).await.map_err(RecycleError::Backend)?;
        }
        Ok(())
    }

    fn detach(&self, connection: &mut Connection) {
        self.0.detach(&mut connection.client);
    }
}

impl Deref for Connection {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        &mut self.client
    }
}
