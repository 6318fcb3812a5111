//! What every command is given: how to print, and which database is meant.

use std::io::IsTerminal;
use std::path::PathBuf;

use statehouse_fault::{Fault, SH0010};
use statehouse_postgres::{Options as ServerOptions, SUPERUSER, Server};
use statehouse_store::{Db, Login, Place, definition};
use tokio_postgres::Client;

use crate::cli::Options;
use crate::failure::Failure;

/// How to print, and which database is meant.
#[derive(Debug)]
pub struct Cx {
    /// One JSON value on standard output instead of text.
    pub json: bool,
    /// Whether text may carry colours.
    pub color: bool,
    /// The database asked for, if one was.
    pub database_url: Option<String>,
    /// The folder of the private server.
    pub data: PathBuf,
}

impl Cx {
    /// From the options of the command line and the environment.
    pub fn new(options: &Options) -> Cx {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        // What was typed wins over what the environment happens to hold.
        let from_env = set("DATABASE_URL");
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Cx {
            json: options.json,
            color: !plain && !options.json && std::io::stderr().is_terminal(),
            database_url: options
                .database_url
                .clone()
                .or_else(|| from_env.filter(|_| options.data.is_none()))
                .filter(|url| !url.is_empty()),
            data: options.data.clone().or_else(|| set("STATEHOUSE_DATA").map(Into::into)).unwrap_or_else(|| "data".into()),
        }
    }

    /// Prints one JSON value, if that is asked for; `true` when it did.
    pub fn print_json(&self, value: &impl serde::Serialize) -> bool {
        if self.json {
            match serde_json::to_string_pretty(value) {
                Ok(text) => sayln!("{text}"),
                Err(error) => eprintln!("error: the answer has no JSON form: {error}"),
            }
        }
        self.json
    }

    /// Reaches the database of `app`: the one of the URL, else the private server's database of that name.
    /// The private server is attached to when it runs, else started for as long as the value lives.
    ///
    /// # Errors
    /// When the server cannot be started or the URL cannot be read.
    pub fn reach(&self, app: &str) -> Result<Reached, Failure> {
        if let Some(url) = &self.database_url {
            return Ok(Reached { place: Place::parse(url)?, server: None });
        }
        let server = Server::start_or_attach(&ServerOptions::new(&self.data))?;
        let place = Place::parse(&server.url(SUPERUSER, app))?;
        Ok(Reached { place, server: Some(server) })
    }

    /// As [`Cx::reach`] for a command that works on an app that is there: the one named, else the server's only app, or a
    /// usage fault that lists them. Nothing is made.
    ///
    /// # Errors
    /// As [`Cx::reach`], `SH0010` when there is no database or no such app, and when none is named and there is more than one.
    pub async fn reach_only(&self, app: Option<&str>) -> Result<Reached, Failure> {
        if self.database_url.is_some() {
            let reached = self.reach(SUPERUSER)?;
            if let Some(name) = app {
                let admin = reached.place.connect_admin().await?;
                one_of(&definition::apps(&admin).await?, name, reached.place.name())?;
            }
            return Ok(reached);
        }
        let data = self.data.display().to_string();
        if !self.data.join("pg").exists() {
            let fault = Fault::new(SH0010, format!("there is no database in `{data}`"));
            return Err(fault.with_help(format!("start one with `statehouse dev APP --data {data}`, or correct `--data`")).into());
        }
        let reached = self.reach(SUPERUSER)?;
        let names = definition::databases(&reached.place).await?;
        let name = match app {
            None => only(names, &data)?,
            Some(name) => one_of(&names, name, &data)?,
        };
        Ok(Reached { place: reached.place.database(&name), server: reached.server })
    }

    /// As [`Cx::reach_only`], for what runs as login roles alone: it needs no administrator, so with a URL nobody asks for one.
    ///
    /// # Errors
    /// As [`Cx::reach_only`].
    pub async fn reach_running(&self, app: Option<&str>) -> Result<(Place, Option<Server>), Failure> {
        if let Some(url) = &self.database_url {
            return Ok((Place::parse(url)?, None));
        }
        let reached = self.reach_only(app).await?;
        Ok((reached.place, reached.server))
    }
}

/// The name, if it is one of those there are.
fn one_of(names: &[String], name: &str, place: &str) -> Result<String, Failure> {
    if names.iter().any(|there| there == name) {
        return Ok(name.to_owned());
    }
    let fault = Fault::new(SH0010, format!("`{name}` is not applied in `{place}`"));
    Err(match names {
        [] => fault,
        there => fault.with_help(format!("there is {}; or run `statehouse apply`", statehouse_definition::quoted_list(there))),
    }
    .into())
}

/// The one name there is, or what to do about none and many.
fn only(names: Vec<String>, place: &str) -> Result<String, Failure> {
    match names.as_slice() {
        [] => Err(Failure::new(SH0010, format!("no app is applied in `{place}`"))),
        [name] => Ok(name.clone()),
        many => Err(Failure::usage(format!("say which app with `--app`: {}", statehouse_definition::quoted_list(many)))),
    }
}

/// A database that can be spoken to, and the private server that carries it.
#[derive(Debug)]
pub struct Reached {
    /// Where it is.
    pub place: Place,
    /// The private server; stopped with this value when this process owns it.
    pub server: Option<Server>,
}

impl Reached {
    /// The app that is meant: the one named, else the only one of this database.
    ///
    /// # Errors
    /// When none is named and there is none or more than one.
    pub async fn app_name(&self, admin: &Client, named: Option<&str>) -> Result<String, Failure> {
        match named {
            Some(name) => Ok(name.to_owned()),
            None => only(definition::apps(admin).await?, self.place.name()),
        }
    }

    /// A URL as a role, for psql and whatever speaks to Postgres.
    pub fn url(&self, role: &str) -> String {
        match &self.server {
            Some(server) => server.url(role, self.place.name()),
            None => self.place.url(role),
        }
    }

    /// A URL as the administrator.
    pub fn url_admin(&self) -> String {
        self.url(self.place.admin().get_user().unwrap_or(SUPERUSER))
    }

    /// A pool of connections as a login role.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn db(&self, login: Login, connections_max: usize) -> Result<Db, Failure> {
        Ok(Db::open(&self.place, login, connections_max)?)
    }
}
