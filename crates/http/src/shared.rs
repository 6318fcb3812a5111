//! What every request shares: the settings, the pools, the definition in force, the sessions of keys.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use statehouse_definition::App;
use statehouse_fault::{Fault, SH1001};
use statehouse_store::record::Lanes;
use statehouse_store::{Db, Login, Place, StoreFault, definition, durable};
use tokio::sync::Semaphore;

use crate::Settings;
use crate::auth::{Issuer, Sessions};
use crate::inbound::Inbound;
use crate::limits::{Connections, Proxies, Shares};
use crate::metrics::Metrics;
use crate::outside::Queues;

/// How often the version in force is asked for.
const LOOKED_FOR: Duration = Duration::from_secs(1);

/// What every request shares.
#[derive(Debug)]
pub struct Shared {
    /// As they were read at the start.
    pub settings: Settings,
    /// Where the database is.
    pub place: Place,
    /// How the outside reaches this server, without a slash at its end.
    pub base_url: String,
    /// For the requests of people: every statement under a session.
    pub api: Db,
    /// Where moves of one session that meet go out together, over the same pool.
    pub lanes: Lanes,
    /// For the server itself: the definition, sessions of people it has verified.
    pub server: Db,
    /// For exchanging keys for sessions.
    pub(crate) entry: Db,
    /// For health checks alone.
    pub(crate) health: Db,
    /// The issuer whose tokens are trusted, if there is one.
    pub(crate) issuer: Option<Issuer>,
    /// Sessions at hand.
    pub(crate) sessions: Sessions,
    /// Sign-in links a development server shows.
    pub(crate) shown: crate::people::Shown,
    /// Proxies that are believed.
    pub(crate) proxies: Proxies,
    /// What each key and tenant may have.
    pub(crate) shares: Shares,
    /// Open connections.
    pub(crate) connections: Arc<Connections>,
    /// Places for requests at work.
    pub(crate) at_work: Semaphore,
    /// Messages of outside systems.
    pub(crate) inbound: Inbound,
    /// What waits.
    pub(crate) queues: Queues,
    /// What has been counted.
    pub(crate) metrics: Metrics,
    running: RwLock<Arc<Running>>,
    retiring: AtomicBool,
    stopping: tokio::sync::watch::Sender<bool>,
}

/// The definition in force.
#[derive(Debug)]
pub struct Running {
    /// The app.
    pub app: App,
    /// Its version, from 1.
    pub version: i32,
}

impl Shared {
    /// Opens the pools and loads the definition in force.
    ///
    /// # Errors
    /// `SH0010` when the app is not applied, `SH0012` when the server forgets what it has acknowledged, `SH1001` when it is not
    /// said which of several, faults of storage.
    pub(crate) async fn open(settings: Settings, place: Place, local: SocketAddr) -> Result<Arc<Shared>, StoreFault> {
        let mut place = place;
        for (login, password) in [(Login::Api, &settings.database.api_password), (Login::Server, &settings.database.server_password)] {
            if !password.reveal().is_empty() {
                place = place.with_password(login, password.reveal());
            }
        }
        let pools = &settings.pools;
        let within = Duration::from_secs(pools.statement_s);
        let open = |login, most| Db::open_with(&place, login, most, pools.wait(), within);
        let (server, api) = (open(Login::Server, pools.server)?, open(Login::Api, pools.api)?);
        durable::insist(&server).await?;
        durable::insist(&api).await?;
        let name = if settings.app.is_empty() { only_app(&server).await? } else { settings.app.clone() };
        let (version, app) = definition::load(&server, &name).await?;
        Ok(Arc::new(Shared {
            base_url: settings.base_url(local),
            lanes: Lanes::new(api.clone()),
            api,
            entry: open(Login::Api, pools.entry)?,
            health: open(Login::Server, pools.health)?,
            server,
            issuer: settings.auth.jwt.as_ref().map(Issuer::new).transpose()?,
            sessions: Sessions::default(),
            shown: crate::people::Shown::default(),
            proxies: Proxies::read(&settings.trusted_proxies)?,
            shares: Shares::new(&settings.limits),
            connections: Connections::new(&settings.limits),
            at_work: Semaphore::new(settings.limits.requests_max),
            inbound: Inbound::open(&settings, &place)?,
            queues: Queues::default(),
            metrics: Metrics::default(),
            running: RwLock::new(Arc::new(Running { app, version })),
            retiring: AtomicBool::new(false),
            stopping: tokio::sync::watch::Sender::new(false),
            place,
            settings,
        }))
    }

    /// The definition in force, as of at most a second ago. A request asks once and keeps what it was given.
    pub fn running(&self) -> Arc<Running> {
        Arc::clone(&self.running.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Whether the server has been told to stop: it is to be sent nothing more, and still answers what comes.
    pub fn is_retiring(&self) -> bool {
        self.retiring.load(Ordering::Relaxed)
    }

    /// Whether the server only finishes what it has begun.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ends when the server is told to stop; what answers without end, such as a feed, ends with it.
    pub async fn stopped(&self) {
        let mut told = self.stopping.subscribe();
        // The sender lives as long as `self`.
        let _ = told.wait_for(|stopping| *stopping).await;
    }

    /// Has `/health/ready` say that this process is going.
    pub(crate) fn retire(&self) {
        self.retiring.store(true, Ordering::Relaxed);
    }

    /// Tells everybody to stop.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Takes over each new definition until the server stops.
    pub(crate) async fn follow(self: Arc<Shared>) {
        loop {
            tokio::select! {
                () = self.stopped() => return,
                () = tokio::time::sleep(LOOKED_FOR) => {}
            }
            if let Err(fault) = self.look().await {
                tracing::warn!(%fault, "the definition in force cannot be asked for");
            }
        }
    }

    async fn look(&self) -> Result<(), StoreFault> {
        let running = self.running();
        if definition::running_version(&self.server, &running.app.name).await? == Some(running.version) {
            return Ok(());
        }
        let (version, app) = definition::load(&self.server, &running.app.name).await?;
        tracing::info!(app = %app.name, version, "another definition is in force");
        *self.running.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(Running { app, version });
        Ok(())
    }
}

async fn only_app(server: &Db) -> Result<String, StoreFault> {
    match definition::running_apps(server).await?.as_slice() {
        [] => Err(StoreFault::refused(statehouse_fault::SH0010, "no app is applied in this database")),
        [name] => Ok(name.clone()),
        many => {
            let fault = Fault::new(SH1001, format!("the database has {}", statehouse_definition::quoted_list(many)));
            Err(fault.with_help("say which in the setting `app`").into())
        }
    }
}
