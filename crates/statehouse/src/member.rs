//! Who asks, in commands that look after the outside.

use statehouse_fault::{Fault, SH1001};
use statehouse_store::record::{Session, enter};
use statehouse_store::{Db, Login, definition};

use crate::cx::Cx;
use crate::failure::Failure;

/// Who asks, and of which app.
#[derive(Debug, clap::Args)]
pub struct Member {
    /// The API key of a member who holds `outside.manage`
    #[arg(long = "as", value_name = "KEY", env = "STATEHOUSE_KEY", hide_env_values = true, global = true)]
    who: Option<String>,
    /// The app, where there is more than one
    #[arg(long, value_name = "APP", global = true)]
    app: Option<String>,
}

impl Member {
    /// Reaches the app and opens a session of the member.
    ///
    /// # Errors
    /// Wrong usage without a key, `SH2003` for one that is not accepted, faults of storage.
    pub async fn enter(&self, cx: &Cx) -> Result<(Db, Session), Failure> {
        let reached = cx.reach_only(self.app.as_deref()).await?;
        let db = reached.db(Login::Api, 1)?;
        let key = self.who.as_deref().ok_or_else(|| Failure::usage("say who asks: `--as KEY`, or `STATEHOUSE_KEY`"))?;
        let session = enter(&db, key).await?;
        Ok((db, session))
    }

    /// Refuses a source that the app does not have.
    ///
    /// # Errors
    /// Wrong usage with the names of those there are, and faults of storage.
    pub async fn insist_on_source(&self, cx: &Cx, session: &Session, source: &str) -> Result<(), Failure> {
        let server = cx.reach_only(self.app.as_deref()).await?.db(Login::Server, 1)?;
        let (_, app) = definition::load(&server, &session.app).await?;
        if app.inboxes.contains_key(source) {
            return Ok(());
        }
        let there: Vec<&String> = app.inboxes.keys().collect();
        let there = if there.is_empty() { "none".to_owned() } else { statehouse_definition::quoted_list(&there) };
        let fault = Fault::new(SH1001, format!("`{}` takes no messages of `{source}`; its sources are {there}", app.name));
        Err(fault.with_help("name one of its inboxes").into())
    }
}
