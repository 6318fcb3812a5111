//! Who plays: every member with an own session, the engine's own kinds, and the orders they play with.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use statehouse_store::import::record_id;
use statehouse_store::people::Key;
use statehouse_store::record::{Move, Moved, Session, Target, enter, enter_as, fire, tenant};
use statehouse_store::rehearsal::Stage;
use statehouse_store::{Db, Login, StoreFault};

use crate::cx::Reached;
use crate::failure::Failure;

/// How many act at a time.
pub const AT_A_TIME: usize = 20;

/// A member and the session entered with the member's key.
#[derive(Debug)]
pub struct Player {
    pub tenant: String,
    pub member: String,
    pub role: String,
    pub session: Session,
}

/// An order as the files gave it.
#[derive(Clone, Debug)]
pub struct Order {
    pub n: usize,
    pub id: String,
    pub tenant: String,
    pub rep: String,
    pub login: Option<String>,
    pub gross: i64,
    pub imported: bool,
    pub some_print: bool,
    pub only_print: bool,
    pub golden: bool,
}

/// What happened so far.
#[derive(Debug, Default)]
pub struct Tally {
    /// Acknowledged moves by verb.
    pub moved: BTreeMap<String, u64>,
    /// Refusals by code and guard, those that were meant and those that a person would have met.
    pub refused: BTreeMap<String, u64>,
    /// Attempts that had to be refused, and were.
    pub repelled: u64,
    /// What must not have happened.
    pub wrong: Vec<String>,
}

/// Everybody and everything.
#[derive(Debug)]
pub struct Cast {
    pub api: Db,
    pub worker: Db,
    pub players: Vec<Player>,
    pub orders: Vec<Order>,
    pub engine: HashMap<(String, &'static str), Session>,
    pub tenants: BTreeMap<i32, String>,
    pub tally: Mutex<Tally>,
}

impl Cast {
    /// Everybody enters with the own key.
    pub async fn gather(app: &str, reached: &Reached, stage: &Stage, keys: &[Key]) -> Result<Cast, Failure> {
        let (api, worker) = (reached.db(Login::Api, AT_A_TIME)?, reached.db(Login::Worker, AT_A_TIME)?);
        let admin = reached.place.connect_admin().await?;
        let (mut players, mut engine, mut tenants) = (Vec::new(), HashMap::new(), BTreeMap::new());
        for key in keys {
            let session = enter(&api, &key.key).await?;
            if tenants.insert(session.tenant, key.tenant.clone()).is_none() {
                let number = tenant(&admin, &key.tenant).await?;
                for kind in ["timer", "connector"] {
                    engine.insert((key.tenant.clone(), kind), enter_as(&worker, kind, number, app).await?);
                }
            }
            players.push(Player { tenant: key.tenant.clone(), member: key.member.clone(), role: key.role.clone(), session });
        }
        let goldens = ["1", "2", "3a", "3b", "3c"].map(|name| {
            let tenant = if name == "1" { "nordur" } else { "baltyk" };
            record_id(tenant, app, "order", &format!("golden-q2o-{name}")).to_string()
        });
        let rows = stage.rows(include_str!("orders.sql")).await?;
        let orders = rows.into_iter().enumerate().map(|(n, row)| order(n, row, &goldens)).collect();
        Ok(Cast { api, worker, players, orders, engine, tenants, tally: Mutex::default() })
    }

    /// A member of the order's tenant in a role; which one goes by the order.
    pub fn one(&self, order: &Order, role: &str) -> &Session {
        let fitting: Vec<&Player> = self.players.iter().filter(|player| player.tenant == order.tenant && player.role == role).collect();
        &fitting[order.n % fitting.len()].session
    }

    /// The member with this address in the order's tenant.
    pub fn member(&self, order: &Order, member: &str) -> Option<&Session> {
        self.players.iter().find(|player| player.tenant == order.tenant && player.member == member).map(|player| &player.session)
    }

    /// Who sells it.
    pub fn rep(&self, order: &Order) -> &Session {
        self.member(order, &order.rep).unwrap_or_else(|| self.one(order, "rep"))
    }

    /// An outside system, where the verb is also for a person.
    pub fn connector(&self, order: &Order) -> &Session {
        &self.engine[&(order.tenant.clone(), "connector")]
    }

    /// A move that must succeed.
    pub async fn go(&self, order: &Order, who: &Session, verb: &str, input: Option<Value>) {
        let answer = self.fire(order, who, verb, input.as_ref()).await;
        if let Err(fault) = answer {
            self.wrong(format!("`{verb}` on {} {} by {}: {}", order.tenant, order.id, who.role, fault.fault()));
        }
    }

    /// A move that must be refused.
    pub async fn must_not(&self, order: &Order, who: &Session, verb: &str, input: Option<Value>) {
        match self.fire(order, who, verb, input.as_ref()).await {
            Ok(moved) => self.wrong(format!("`{verb}` on {} by {} went through to {}", order.id, who.role, moved.state)),
            Err(_) => self.tally().repelled += 1,
        }
    }

    /// A move, counted either way.
    pub async fn fire(&self, order: &Order, who: &Session, verb: &str, input: Option<&Value>) -> Result<Moved, StoreFault> {
        let name = format!("order/{}", order.id);
        let Some((entity, record)) = Target::parse(&name) else { unreachable!("the name is made a line above") };
        let db = if who.role == "system" { &self.worker } else { &self.api };
        let answer = fire(db, who, &Move { input, ..Move::new(entity, record, verb) }).await;
        self.count(verb, &answer);
        answer
    }

    /// Counts an answer.
    pub fn count(&self, verb: &str, answer: &Result<Moved, StoreFault>) {
        match answer {
            Ok(_) => *self.tally().moved.entry(verb.to_owned()).or_default() += 1,
            Err(fault) => {
                let fault = fault.fault();
                let guards: Vec<&str> = fault.refused_by.iter().map(|refused| refused.guard.as_str()).collect();
                let why = if guards.is_empty() { fault.code.title.to_owned() } else { format!("guard {}", guards.join(", ")) };
                *self.tally().refused.entry(format!("{} {why}", fault.code)).or_default() += 1;
            }
        }
    }

    pub fn wrong(&self, what: String) {
        self.tally().wrong.push(what);
    }

    pub fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn order(n: usize, row: Vec<String>, goldens: &[String]) -> Order {
    let is = |at: usize| row[at] == "t";
    Order {
        n,
        golden: goldens.contains(&row[0]),
        id: row[0].clone(),
        tenant: row[1].clone(),
        rep: row[2].clone(),
        login: Some(row[3].clone()).filter(|login| !login.is_empty()),
        gross: row[4].parse().unwrap_or_default(),
        imported: is(5),
        some_print: is(6),
        only_print: is(7),
    }
}
