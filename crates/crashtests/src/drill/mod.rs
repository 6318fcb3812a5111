//! The doors of the engine, gone through by workers that die and sleep at every turn: deterministic, within one process,
//! and quick enough to be repeated for every bug that SQL can plant.
//!
//! `provider` a stand-in that remembers · `hand` a worker · `effects` claims, deaths, zombies · `ends` what may become of
//! one · `gates` breaker and parking · `through` another way · `crowd` many at once · `bell` being woken · `people` resolve and replay · `restore` another epoch · `messages`,
//! `time`, `subscribers` the rest · `law` what no door does.

mod bell;
mod crowd;
mod effects;
mod ends;
mod gates;
mod hand;
mod law;
mod messages;
mod people;
mod provider;
mod restore;
mod subscribers;
mod through;
mod time;

use std::time::Duration;

use statehouse_store::{Db, Login, Place, StoreFault};
use statehouse_testkit::TestDatabase;
use statehouse_testkit::people::{BALTYK, NORDUR, Persona, Tenant};
use tokio_postgres::Client;

use crate::check::{Breach, Invariant, Story, check, owed};
use crate::facts::{Effect, Facts};
use crate::rows::Rows;
use crate::scene::APP;
use hand::Hand;
use provider::Provider;

/// How long a claim lasts, by the database's clock.
const LEASE: Duration = Duration::from_secs(60);
const TENANTS: [Tenant; 2] = [NORDUR, BALTYK];

/// Found is found: the first thing that does not hold ends the drill.
type Held<T = ()> = Result<T, Breach>;

impl From<StoreFault> for Breach {
    fn from(fault: StoreFault) -> Breach {
        Breach::new(Invariant::Missing, format!("a door refuses what is right: {fault:?}"))
    }
}

/// Something that must hold.
fn holds(invariant: Invariant, holds: bool, what: &str) -> Held {
    if holds { Ok(()) } else { Err(Breach::new(invariant, what)) }
}

struct Drill {
    config: tokio_postgres::Config,
    rows: Rows,
    provider: Provider,
    admins: Vec<Client>,
    a: Hand,
    b: Hand,
    server: Db,
    api: Db,
}

/// Goes through all of it.
///
/// # Errors
/// The first thing that does not hold.
///
/// # Panics
/// When the database cannot be reached.
pub async fn run(db: &TestDatabase) -> Result<(), Breach> {
    let mut drill = Drill::new(db).await?;
    effects::run(&mut drill).await?;
    messages::run(&mut drill).await?;
    time::run(&mut drill).await?;
    subscribers::run(&mut drill).await?;
    // Deaths have left some unknown; there are no others.
    let known = drill.rows.effects().await;
    drill.check(&[known]).await?;
    ends::run(&mut drill).await?;
    people::run(&mut drill).await?;
    gates::run(&mut drill).await?;
    through::run(&mut drill).await?;
    crowd::run(&mut drill).await?;
    bell::run(&mut drill, db).await?;
    restore::run(&mut drill).await?;
    law::run(&drill).await
}

impl Drill {
    async fn new(db: &TestDatabase) -> Held<Drill> {
        let rows = Rows::connect(db).await;
        let place = Place::parse(&db.url("postgres"))?;
        let (a, b) = (Hand::new(&place, "a")?, Hand::new(&place, "b")?);
        let mut admins = Vec::new();
        for tenant in TENANTS {
            admins.push(db.as_persona(&Persona::member(APP, tenant, "admin")).await);
        }
        let (server, api) = (Db::open(&place, Login::Server, 2)?, Db::open(&place, Login::Api, 2)?);
        let drill = Drill { config: db.config("postgres"), rows, provider: Provider::default(), admins, a, b, server, api };
        // An id is one of its tenant's: the drill lets both tenants draw the same ones.
        drill
            .superuser(
                "create sequence statehouse.drill_ids; grant all on statehouse.drill_ids to statehouse_owner;
                 create or replace function statehouse.new_id() returns uuid language sql volatile security definer
                 set search_path = pg_catalog, pg_temp return md5('drill ' || nextval('statehouse.drill_ids'))::uuid",
            )
            .await?;
        drill.a.greet().await?;
        drill.a.open_gates().await?;
        Ok(drill)
    }

    async fn superuser(&self, script: &str) -> Held {
        let done = self.rows.client().batch_execute(script).await;
        done.map_err(|cause| Breach::new(Invariant::Missing, format!("{script}: {cause:?}")))
    }

    /// The same moves by the administrators of both tenants, on records with the same ids.
    async fn both(&self, script: &str) -> Held {
        let from = self.rows.value("select last_value from statehouse.drill_ids").await;
        for admin in &self.admins {
            self.superuser(&format!("select setval('statehouse.drill_ids', {from})")).await?;
            admin
                .batch_execute(script)
                .await
                .map_err(|cause| Breach::new(Invariant::Missing, format!("a legal move is refused: {script}: {cause:?}")))?;
        }
        Ok(())
    }

    async fn pass(&self, interval: &str) -> Held {
        self.superuser(&format!("update statehouse.clock set now = now + '{interval}'::interval")).await
    }

    async fn count(&self, statement: &str) -> u64 {
        self.rows.value(statement).await.parse().unwrap_or(u64::MAX)
    }

    /// How many rows a door gives while another epoch has begun, for which nobody has let anything go.
    async fn in_another_epoch(&self, door: &str) -> u64 {
        let epoch = "update statehouse.setting set value = (value::int + 1)::text where name = 'epoch'";
        self.count(&format!("begin; {epoch}; select count(*) from {door}; rollback")).await
    }

    /// Judges what there is, tenant by tenant.
    async fn check(&self, at_death: &[Vec<Effect>]) -> Held {
        let facts = self.rows.facts().await;
        for tenant in TENANTS {
            let whose = tenant.number;
            let of = |effects: &[Effect]| effects.iter().filter(|effect| effect.tenant == whose).cloned().collect::<Vec<_>>();
            let part = Facts {
                effects: of(&facts.effects),
                events: facts.events.iter().filter(|event| event.tenant == whose).cloned().collect(),
                records: facts.records.iter().filter(|record| record.tenant == whose).cloned().collect(),
                calls: self.provider.calls(whose),
                idle: facts.idle.clone(),
                ..Facts::default()
            };
            let at_kills: Vec<Vec<Effect>> = at_death.iter().map(|effects| of(effects)).collect();
            let breaches = check(&part, &owed::all(), Story { at_kills: &at_kills, faults: false, ..Story::default() });
            if let Some(breach) = breaches.into_iter().next() {
                return Err(breach);
            }
        }
        Ok(())
    }

    /// That `what` wrote nothing.
    async fn unchanged(&self, before: &str, what: &str) -> Held {
        holds(Invariant::Fences, self.rows.print().await == before, &format!("{what} changed rows"))
    }
}
