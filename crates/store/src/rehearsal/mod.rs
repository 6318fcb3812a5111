//! A database for a rehearsal: made anew, its clock set by hand, looked at from behind the scene.
//!
//! Nothing here is reached by a database in production: the clock is put in by [`Stage::set`] alone, and only into the
//! database it has just made.

use statehouse_compile::engine::TEST_CLOCK;
use statehouse_definition::App;
use statehouse_definition::expr::ident;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::record::Session;
use crate::{Db, Place, StoreFault, apply};

/// A database with an app and a clock that stands.
#[derive(Debug)]
pub struct Stage {
    admin: Client,
}

/// A row of texts; null is the empty text.
pub type Texted = Vec<String>;

impl Stage {
    /// Makes the database of `place` anew, whatever was in it, applies the app and stops the clock at `now`.
    ///
    /// # Errors
    /// What Postgres said.
    pub async fn set(place: &Place, app: &App, now: &str) -> Result<Stage, StoreFault> {
        let maintenance = place.database("postgres").connect_admin().await?;
        let drop = format!("drop database if exists {} with (force)", ident(place.name()));
        maintenance.batch_execute(&drop).await.map_err(StoreFault::doing("removing the last rehearsal"))?;
        apply::apply_now(place, app, &Default::default(), &[]).await?;
        let admin = place.connect_admin().await?;
        let clock = format!("set role statehouse_owner; {TEST_CLOCK}; reset role");
        admin.batch_execute(&clock).await.map_err(StoreFault::doing("putting in the clock"))?;
        let stage = Stage { admin };
        stage.admin.execute(include_str!("../../queries/clock_set.sql"), &[&now]).await?;
        stage.admin.execute(include_str!("../../queries/clock_months.sql"), &[]).await?;
        Ok(stage)
    }

    /// The administrator's own connection.
    pub fn admin(&mut self) -> &mut Client {
        &mut self.admin
    }

    /// Moves the clock on by an interval such as `25 hours`; returns where it stands then.
    ///
    /// # Errors
    /// What Postgres said.
    pub async fn wait(&self, interval: &str) -> Result<String, StoreFault> {
        Ok(self.admin.query_one(include_str!("../../queries/clock_wait.sql"), &[&interval]).await?.get(0))
    }

    /// Asks a question behind the scene, as the administrator.
    ///
    /// # Errors
    /// What Postgres said.
    pub async fn rows(&self, question: &str) -> Result<Vec<Texted>, StoreFault> {
        texted(self.admin.simple_query(question).await.map_err(StoreFault::doing("asking about the rehearsal"))?)
    }
}

/// What came of a statement that somebody tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It was refused, with this code.
    Refused(&'static str),
    /// It went through; its rows.
    Rows(Vec<Texted>),
}

/// Runs any statement as a session over its login role, in a transaction that is undone.
///
/// # Errors
/// When there is no connection; a refusal is an answer.
pub async fn attempt(db: &Db, session: &Session, statement: &str) -> Result<Tried, StoreFault> {
    let mut client = db.get().await?;
    let transaction = client.transaction().await?;
    transaction.execute(include_str!("../../queries/session_set.sql"), &[&session.token(), &session.locale]).await?;
    let tried = match transaction.simple_query(statement).await {
        Ok(messages) => Ok(Tried::Rows(texted(messages)?)),
        Err(cause) if cause.as_db_error().is_some() => Ok(Tried::Refused(StoreFault::from(cause).fault().code.code)),
        Err(cause) => Err(cause.into()),
    };
    transaction.rollback().await?;
    tried
}

fn texted(messages: Vec<SimpleQueryMessage>) -> Result<Vec<Texted>, StoreFault> {
    let mut rows = Vec::new();
    for message in messages {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect());
        }
    }
    Ok(rows)
}
