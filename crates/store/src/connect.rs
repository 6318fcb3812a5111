//! Where the database is, and a pool of connections for each login role.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Client, Config, NoTls};

use crate::StoreFault;

/// Who logs in. A login role says which door may be used, never who asks: that is the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// Members, through the faces or psql.
    Api,
    /// Models: views and proposals.
    Agent,
    /// Timers, connectors, import and the system.
    Worker,
    /// Reports.
    Read,
}

impl Login {
    /// Every login role.
    pub const ALL: [Login; 4] = [Login::Api, Login::Agent, Login::Worker, Login::Read];

    /// Its name in Postgres.
    pub fn name(self) -> &'static str {
        match self {
            Login::Api => "statehouse_api",
            Login::Agent => "statehouse_agent",
            Login::Worker => "statehouse_worker",
            Login::Read => "statehouse_read",
        }
    }
}

/// One database of one server, as its administrator reaches it.
#[derive(Clone, Debug)]
pub struct Place {
    admin: Config,
}

impl Place {
    /// The place that `url` names; its user must be a superuser where something is applied.
    ///
    /// # Errors
    /// `SH0009` when the text is no connection string.
    pub fn parse(url: &str) -> Result<Place, StoreFault> {
        let admin = url.parse::<Config>().map_err(|cause| {
            let why = std::error::Error::source(&cause).map_or_else(|| cause.to_string(), ToString::to_string);
            StoreFault::refused(statehouse_fault::SH0009, format!("the database URL cannot be read: {why}"))
        })?;
        Ok(Place { admin })
    }

    /// The same server, another database.
    pub fn database(&self, name: &str) -> Place {
        let mut admin = self.admin.clone();
        admin.dbname(name);
        Place { admin }
    }

    /// The name of the database.
    pub fn name(&self) -> &str {
        self.admin.get_dbname().or(self.admin.get_user()).unwrap_or("postgres")
    }

    /// A URL of this place as `role`, without a password: whoever uses it brings its own.
    pub fn url(&self, role: &str) -> String {
        let port = self.admin.get_ports().first().copied().unwrap_or(5432);
        let database = self.name();
        match self.admin.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(host)) => format!("postgresql://{role}@{host}:{port}/{database}"),
            Some(tokio_postgres::config::Host::Unix(dir)) => {
                format!("postgresql:///{database}?host={}&port={port}&user={role}", dir.display())
            }
            None => format!("postgresql://{role}@localhost:{port}/{database}"),
        }
    }

    /// Connection options as the administrator.
    pub fn admin(&self) -> Config {
        let mut config = self.admin.clone();
        config.application_name("statehouse").connect_timeout(Duration::from_secs(5));
        config
    }

    /// Connection options as a login role.
    pub fn login(&self, login: Login) -> Config {
        let mut config = self.admin();
        config.user(login.name());
        config
    }

    /// One connection as the administrator; it ends when the client is dropped.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn connect_admin(&self) -> Result<Client, StoreFault> {
        open(self.admin(), "connecting as the administrator").await
    }

    /// One connection as a login role.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn connect(&self, login: Login) -> Result<Client, StoreFault> {
        open(self.login(login), &format!("connecting as `{}`", login.name())).await
    }
}

async fn open(config: Config, doing: &str) -> Result<Client, StoreFault> {
    let (client, connection) = config.connect(NoTls).await.map_err(StoreFault::doing(doing))?;
    // The task ends with the client; what broke the connection reaches the client's own calls.
    tokio::spawn(connection);
    Ok(client)
}

/// What ends everything a caller may have left, but prepared statements. `begin` before `rollback`, because a rollback
/// outside a transaction leaves a warning in the server's log each time; inside a failed one it fails, and the
/// connection is thrown away.
const CLEAN: &str = "begin; rollback; close all; set session authorization default; reset all; unlisten *; \
    select pg_advisory_unlock_all(); discard temp; discard sequences";

/// A pool of connections as one login role.
#[derive(Clone, Debug)]
pub struct Db {
    pool: Pool,
    role: &'static str,
}

impl Db {
    /// A pool of at most `connections_max` connections; none is opened yet.
    ///
    /// A connection that comes back is cleaned: no transaction, session or setting of one caller is found by the next,
    /// wherever the first was dropped.
    ///
    /// # Errors
    /// When the pool cannot be made.
    pub fn open(place: &Place, login: Login, connections_max: usize) -> Result<Db, StoreFault> {
        let manager =
            Manager::from_config(place.login(login), NoTls, ManagerConfig { recycling_method: RecyclingMethod::Custom(CLEAN.into()) });
        let pool = Pool::builder(manager)
            .max_size(connections_max)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(10)))
            .create_timeout(Some(Duration::from_secs(5)))
            .recycle_timeout(Some(Duration::from_secs(5)))
            .build()
            .map_err(|cause| StoreFault::refused(statehouse_fault::SH0009, format!("no pool: {cause}")))?;
        Ok(Db { pool, role: login.name() })
    }

    /// A connection; it goes back when dropped.
    ///
    /// # Errors
    /// When none comes free in time or the server does not answer.
    pub async fn get(&self) -> Result<Object, StoreFault> {
        self.pool.get().await.map_err(|cause| StoreFault::Pool { role: self.role.to_owned(), cause: Box::new(cause) })
    }
}
