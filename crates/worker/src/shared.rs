//! What every part of a worker shares.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use statehouse_connect::egress::Client;
use statehouse_connect::secrets::Watched;
use statehouse_settings::{Connector, Settings};
use statehouse_store::subscription::Master;
use statehouse_store::{Db, Login, Place, StoreFault, definition, effects};
use tokio::sync::{Semaphore, watch};

use crate::asking::Asking;
use crate::effects::Lanes;
use crate::running::{Installed, Running};

/// What every part of a worker shares.
pub(crate) struct Shared {
    /// The name of the process in leases.
    pub id: String,
    /// How it is to work.
    pub settings: statehouse_settings::Worker,
    /// Outside systems, as this installation reaches them.
    pub outside: BTreeMap<String, Connector>,
    /// Where the database is.
    pub place: Place,
    /// The pool everything speaks over.
    pub db: Db,
    /// The one way out.
    pub client: Client,
    pub secrets: Watched,
    /// What calls to subscribers are signed by; without it none are made.
    pub master: Option<Master>,
    /// How each provider fares, as far as this process has seen.
    pub lanes: Lanes,
    /// Places for calls under way.
    pub places: Semaphore,
    /// Questions under way, which have places of their own.
    pub asking: Asking,
    /// The one app to work for; all where none is named.
    only: Option<String>,
    running: RwLock<Arc<Running>>,
    stopping: watch::Sender<bool>,
}

impl Shared {
    pub fn new(settings: &Settings, place: Place, secrets: Watched, client: Client) -> Result<Shared, StoreFault> {
        let password = settings.database.worker_password.reveal();
        let place = if password.is_empty() { place } else { place.with_password(Login::Worker, password) };
        let master = Some(settings.webhooks.master_secret.as_str()).filter(|text| !text.is_empty()).map(Master::read).transpose()?;
        let worker = &settings.worker;
        Ok(Shared {
            id: if worker.id.is_empty() { name()? } else { worker.id.clone() },
            db: Db::open(&place, Login::Worker, worker.connections.max(1))?,
            outside: settings.connectors.clone(),
            place,
            client,
            secrets,
            master,
            lanes: Lanes::new(worker.concurrency.max(1)),
            places: Semaphore::new(worker.concurrency.max(1)),
            asking: Asking::default(),
            only: Some(settings.app.clone()).filter(|app| !app.is_empty()),
            running: RwLock::default(),
            stopping: watch::Sender::new(false),
            settings: worker.clone(),
        })
    }

    /// The definitions in force, as of the last look.
    pub fn running(&self) -> Arc<Running> {
        Arc::clone(&self.running.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks whether other definitions are in force, and takes them over; says whether there were any. A definition that
    /// this release cannot read leaves the one before in its place.
    pub async fn refresh(&self) -> Result<bool, StoreFault> {
        let names = match &self.only {
            Some(name) => vec![name.clone()],
            None => definition::running_apps(&self.db).await?,
        };
        let mut changed = false;
        for name in names {
            let before = self.running();
            let version = definition::running_version(&self.db, &name).await?;
            if version.is_some() && version == before.get(&name).map(|installed| installed.version) {
                continue;
            }
            let (version, app) = match definition::load(&self.db, &name).await {
                Ok(loaded) => loaded,
                Err(fault) if before.get(&name).is_some() && fault.fault().code == statehouse_fault::SH0011 => {
                    tracing::error!(app = %name, %fault, "the definition in force is not followed");
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            let known = definition::known_connectors(&self.db, &name).await?;
            let since = definition::schedules_since(&self.db, &name).await?;
            let installed = Installed::new(app, version, known, since);
            self.open_gates(&installed).await?;
            tracing::info!(app = %name, version, "a definition is followed");
            *self.running.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(before.with(installed));
            changed = true;
        }
        Ok(changed)
    }

    /// Makes gates where there are none, for connectors of a new definition and for new tenants.
    pub async fn open_gates(&self, installed: &Installed) -> Result<i32, StoreFault> {
        let connectors: Vec<&str> = installed.senders().map(|(name, _)| name.as_str()).collect();
        if connectors.is_empty() { Ok(0) } else { effects::open_gates(&self.db, &installed.app.name, &connectors).await }
    }

    /// How long, by the database's clock, until an effect may go out as far as anybody can tell; none where none is due.
    pub async fn next(&self) -> Result<Option<Duration>, StoreFault> {
        let running = self.running();
        let own = effects::next(&self.db, &running.known(1)).await?;
        let detours = running.detours(1);
        let through = if detours.is_empty() { None } else { effects::next_through(&self.db, &detours).await? };
        Ok(own.into_iter().chain(through).min())
    }

    /// Tells every part to begin nothing more.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Ends when everything is told to stop.
    pub async fn stopped(&self) {
        // The sender lives as long as `self`.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }
}

/// The machine's name, and what tells this process from all others that ever ran there.
fn name() -> Result<String, StoreFault> {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let machine: String = machine.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    let random = uuid::Uuid::new_v4().simple().to_string();
    Ok(format!("{}-{}", if machine.is_empty() { "worker" } else { &machine }, &random[..12]))
}
