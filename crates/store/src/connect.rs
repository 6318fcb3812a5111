//! Where the database is, and a pool of connections for each login role.

use std::time::Duration;

use deadpool::managed::Pool;
use deadpool_postgres::{Manager, ManagerConfig, RecyclingMethod, Runtime};
use tokio_postgres::{Client, Config, NoTls};

use crate::StoreFault;
use crate::kept::{Keeper, Kept};

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
    /// The server itself; no client is given it.
    Server,
}

impl Login {
    /// Every login role that clients use.
    pub const ALL: [Login; 4] = [Login::Api, Login::Agent, Login::Worker, Login::Read];

    /// Its name in Postgres.
    pub fn name(self) -> &'static str {
        match self {
            Login::Api => "statehouse_api",
            Login::Agent => "statehouse_agent",
            Login::Worker => "statehouse_worker",
            Login::Read => "statehouse_read",
            Login::Server => "statehouse_server",
        }
    }
}

/// One database of one server, as its administrator reaches it.
#[derive(Clone, Debug)]
pub struct Place {
    admin: Config,
    /// Of login roles that have a password of their own.
    logins: Vec<(Login, Config)>,
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
        Ok(Place { admin, logins: Vec::new() })
    }

    /// The same server, another database.
    pub fn database(&self, name: &str) -> Place {
        let mut place = self.clone();
        for config in std::iter::once(&mut place.admin).chain(place.logins.iter_mut().map(|(_, config)| config)) {
            config.dbname(name);
        }
        place
    }

    /// The same place, where this login role has a password of its own rather than the one of the URL.
    pub fn with_password(mut self, login: Login, password: &str) -> Place {
        let mut config = self.admin.clone();
        config.password(password);
        self.logins.retain(|(other, _)| *other != login);
        self.logins.push((login, config));
        self
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
        if let Some(password) = self.logins.iter().find(|(other, _)| *other == login).and_then(|(_, own)| own.get_password()) {
            config.password(password);
        }
        let own = self.admin.get_options().unwrap_or_default();
        config.options(format!("{STEADY} {own}").trim_end());
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

/// What the server relies on, said when a connection begins. Whoever holds a login may change the settings with which all
/// who share it begin (`alter role … set`), and no privilege takes that away; what is said here goes before those.
/// `synchronous_commit` is left out: the server's own may ask for more than `on`, and a door accepts no less.
const STEADY: &str = "-c search_path=pg_catalog,pg_temp -c local_preload_libraries= -c row_security=on \
    -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c default_transaction_deferrable=off \
    -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 \
    -c timezone=UTC -c datestyle=ISO,MDY -c intervalstyle=postgres -c bytea_output=hex -c extra_float_digits=1 \
    -c standard_conforming_strings=on -c plan_cache_mode=auto";

async fn open(config: Config, doing: &str) -> Result<Client, StoreFault> {
    let (client, connection) = config.connect(NoTls).await.map_err(StoreFault::doing(doing))?;
    // The task ends with the client; what broke the connection reaches the client's own calls.
    tokio::spawn(connection);
    Ok(client)
}

/// Options of a connection that reads by index; `reset all` comes back to them.
const BY_INDEX: &str = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off \
    -c plan_cache_mode=force_generic_plan";

/// How long a caller waits for a connection, where nothing else is said.
const WAIT: Duration = Duration::from_secs(10);

/// A pool of connections as one login role.
#[derive(Clone, Debug)]
pub struct Db {
    pool: Pool<Keeper>,
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
        Db::open_with(place, login, connections_max, WAIT, Duration::ZERO)
    }

    /// The same, where a caller waits at most `wait` for a connection to come free, and no statement takes longer than
    /// `statement`; zero is without end.
    ///
    /// # Errors
    /// When the pool cannot be made.
    pub fn open_with(place: &Place, login: Login, connections_max: usize, wait: Duration, statement: Duration) -> Result<Db, StoreFault> {
        let mut config = place.login(login);
        if !statement.is_zero() {
            // As an option of the connection, which `reset all` comes back to; what is said last holds.
            let said = config.get_options().unwrap_or_default().to_owned();
            config.options(format!("{said} -c statement_timeout={}", statement.as_millis()));
        }
        Db::with(config, login, connections_max, wait)
    }

    /// As [`Db::open`], for statements that always read a short stretch of an index and a few records by their keys. A
    /// planner who knows only averages would at times read a whole table for them.
    ///
    /// # Errors
    /// When the pool cannot be made.
    pub fn open_by_index(place: &Place, login: Login, connections_max: usize) -> Result<Db, StoreFault> {
        let mut config = place.login(login);
        let said = format!("{} {BY_INDEX}", config.get_options().unwrap_or_default());
        config.options(said); // what is said last holds
        Db::with(config, login, connections_max, WAIT)
    }

    fn with(config: Config, login: Login, connections_max: usize, wait: Duration) -> Result<Db, StoreFault> {
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(Keeper(manager))
            .max_size(connections_max)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(wait))
            .create_timeout(Some(Duration::from_secs(5)))
            .recycle_timeout(Some(Duration::from_secs(5)))
            .build()
            .map_err(|cause| StoreFault::refused(statehouse_fault::SH0009, format!("no pool: {cause}")))?;
        Ok(Db { pool, role: login.name() })
    }

    /// How many connections are open, in use and waited for.
    pub fn load(&self) -> Load {
        let status = self.pool.status();
        Load { open: status.size, used: status.size.saturating_sub(status.available), waiting: status.waiting, most: status.max_size }
    }

    /// A connection; it goes back when dropped, and is cleaned before the next has it.
    ///
    /// # Errors
    /// When none comes free in time or the server does not answer.
    pub async fn get(&self) -> Result<Kept, StoreFault> {
        let connection = self.lean().await?;
        connection.clean_after();
        Ok(connection)
    }

    /// A connection for whole transactions alone, each written in one go from its begin to its end, that set nothing
    /// beyond themselves. There is nothing to clean after those, and a round trip is saved.
    ///
    /// # Errors
    /// As [`Db::get`].
    pub(crate) async fn lean(&self) -> Result<Kept, StoreFault> {
        self.pool.get().await.map_err(|cause| StoreFault::Pool { role: self.role.to_owned(), cause: Box::new(cause) })
    }
}

/// How busy a pool is, in connections and callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Open connections.
    pub open: usize,
    /// Those in use.
    pub used: usize,
    /// Callers who wait for one.
    pub waiting: usize,
    /// The most there may be.
    pub most: usize,
}
