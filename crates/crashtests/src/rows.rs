//! Reading the test's database as its superuser: what there is, and whether anything has changed.

use serde::de::DeserializeOwned;
use serde_json::Value;
use statehouse_testkit::TestDatabase;
use tokio_postgres::{Client, NoTls};

use crate::facts::{Effect, Event, Facts, Record};

/// Every table that may change, and what is in it, as one text.
const PRINT: &str = "select 'select string_agg(x, '','' order by x) from (' || string_agg(format(
      'select %L || count(*) || '':'' || coalesce(sum((''x'' || substr(md5(t::text), 1, 15))::bit(60)::bigint::numeric), 0) as x from only %s t',
      c.oid::regclass || ' ', c.oid::regclass), ' union all ') || ') y'
    from pg_class c join pg_namespace s on s.oid = c.relnamespace
   where c.relkind = 'r' and s.nspname in ('statehouse', 'proof') and c.relname not in ('clock', 'definition')";

/// What a session says of itself while it sits in a transaction and does nothing.
const IDLE: &str = "select coalesce(application_name, '') || ': ' || left(query, 200) from pg_stat_activity
   where datname = current_database() and state like 'idle in transaction%' and usename like 'statehouse%'";

/// Which records a look is about, with all that belongs to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every one.
    All,
    /// Those that something has happened to after the event of this number, or that still owe something.
    After(i64),
}

impl Part {
    /// A condition for rows that have a tenant and a record.
    fn holds(self, row: &str) -> String {
        match self {
            Part::All => "true".to_owned(),
            Part::After(n) => format!(
                "({row}.tenant, {row}.record) in (select tenant, record from statehouse.event where n > {n} \
                 union select tenant, record from statehouse.effect where state in ('due', 'leased'))"
            ),
        }
    }
}

/// One connection that sees everything.
#[derive(Debug)]
pub struct Rows {
    client: Client,
    print: String,
}

impl Rows {
    /// Connects.
    ///
    /// # Panics
    /// When the server does not let it in.
    pub async fn connect(db: &TestDatabase) -> Rows {
        let (client, connection) = db.config("postgres").connect(NoTls).await.unwrap_or_else(|cause| panic!("no connection: {cause}"));
        tokio::spawn(connection);
        let print = client.query_one(PRINT, &[]).await.unwrap_or_else(|cause| panic!("no tables: {cause:?}")).get(0);
        Rows { client, print }
    }

    /// The connection itself.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// One value as a text; empty for null.
    ///
    /// # Panics
    /// When the statement is refused, which must not happen to a superuser.
    pub async fn value(&self, statement: &str) -> String {
        let answer = self.client.simple_query(statement).await.unwrap_or_else(|cause| panic!("{statement}: {cause:?}"));
        let row = answer.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        row.unwrap_or_default()
    }

    /// Runs a statement, whatever it answers.
    ///
    /// # Panics
    /// As [`Rows::value`].
    pub async fn run(&self, statement: &str) {
        self.client.batch_execute(statement).await.unwrap_or_else(|cause| panic!("{statement}: {cause:?}"));
    }

    /// A print of all rows: two that are the same were taken of the same rows.
    ///
    /// # Panics
    /// As [`Rows::value`].
    pub async fn print(&self) -> String {
        self.value(&self.print).await
    }

    /// Every effect.
    ///
    /// # Panics
    /// As [`Rows::value`].
    pub async fn effects(&self) -> Vec<Effect> {
        self.effects_of(Part::All).await
    }

    /// The effects of a part.
    ///
    /// # Panics
    /// As [`Rows::value`].
    pub async fn effects_of(&self, part: Part) -> Vec<Effect> {
        self.all(&format!("select to_jsonb(e) from statehouse.effect e where {} order by tenant, record, seq, n", part.holds("e"))).await
    }

    /// The number of the last event.
    ///
    /// # Panics
    /// As [`Rows::value`].
    pub async fn last_event(&self) -> i64 {
        let last = self.value("select coalesce(max(n), 0) from statehouse.event").await;
        last.parse().unwrap_or_else(|cause| panic!("`{last}`: {cause}"))
    }

    /// Everything but the log and the audit.
    ///
    /// # Panics
    /// As [`Rows::value`].
    pub async fn facts(&self) -> Facts {
        self.facts_of(Part::All).await
    }

    /// Everything of a part but the log and the audit.
    ///
    /// # Panics
    /// As [`Rows::value`].
    pub async fn facts_of(&self, part: Part) -> Facts {
        let idle = self.client.query(IDLE, &[]).await.unwrap_or_else(|cause| panic!("{IDLE}: {cause:?}"));
        let of = |row| part.holds(row);
        let records = |entity: &str| {
            format!(
                "select to_jsonb(r) || '{{\"entity\": \"proof.{entity}\"}}' from (select *, id as record from proof.{entity}) r where {}",
                of("r")
            )
        };
        Facts {
            effects: self.effects_of(part).await,
            events: self
                .all::<Event>(&format!("select to_jsonb(e) from statehouse.event e where {} order by tenant, record, seq", of("e")))
                .await,
            records: self.all::<Record>(&format!("{} union all {}", records("parcel"), records("payment"))).await,
            idle: idle.iter().map(|row| row.get(0)).collect(),
            ..Facts::default()
        }
    }

    async fn all<T: DeserializeOwned>(&self, statement: &str) -> Vec<T> {
        let rows = self.client.query(statement, &[]).await.unwrap_or_else(|cause| panic!("{statement}: {cause:?}"));
        let read = |row: &tokio_postgres::Row| serde_json::from_value(row.get::<_, Value>(0));
        rows.iter().map(|row| read(row).unwrap_or_else(|cause| panic!("{statement}: {cause}"))).collect()
    }
}
