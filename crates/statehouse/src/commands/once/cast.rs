//! Who plays: every member with an own session, the engine's own kinds, and the orders they play with.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use statehouse_store::import::record_id;
use statehouse_store::people::Key;
use statehouse_store::record::{Move, Session, Target, enter, enter_as, fire, tenant};
use statehouse_store::rehearsal::Stage;
use statehouse_store::{Db, Login, StoreFault};

use super::face::{Asked, Face};
use super::outside::Outside;
use crate::cx::Reached;
use crate::failure::Failure;

/// How many act at a time.
pub const AT_A_TIME: usize = 20;

/// A member, the API key the moves are made with, and a session for looking at the tables by SQL.
#[derive(Debug)]
pub struct Player {
    pub tenant: String,
    pub member: String,
    pub role: String,
    pub key: String,
    pub session: Session,
}

/// Who makes a move: a member through the API, or the engine itself.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A member.
    Player(&'a Player),
    /// A timer or an outside system.
    Engine(&'a Session),
}

impl Who<'_> {
    fn role(self) -> String {
        match self {
            Who::Player(player) => player.role.clone(),
            Who::Engine(session) => session.kind.clone(),
        }
    }
}

/// A refusal as its caller was told.
#[derive(Clone, Debug, Default)]
pub struct Refused {
    /// `SH` and four digits.
    pub code: String,
    /// What the code means.
    pub title: String,
    /// The guards that refused.
    pub guards: Vec<String>,
    /// A sentence.
    pub says: String,
}

impl Refused {
    /// From the answer's problem document.
    pub fn problem(status: u16, body: &Value) -> Refused {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let guards = body["refused_by"].as_array().into_iter().flatten();
        let guards = guards.filter_map(|refused| refused["guard"].as_str()).map(str::to_owned).collect();
        Refused { code: text("code"), title: text("title"), guards, says: format!("{status} {}", text("detail")) }
    }

    /// A request that never got an answer.
    pub fn unanswered(why: String) -> Refused {
        Refused { title: "no answer".to_owned(), says: why, ..Refused::default() }
    }

    fn fault(fault: &StoreFault) -> Refused {
        let fault = fault.fault();
        Refused {
            code: fault.code.to_string(),
            title: fault.code.title.to_owned(),
            guards: fault.refused_by.iter().map(|refused| refused.guard.clone()).collect(),
            says: fault.to_string(),
        }
    }
}

/// An order as the files gave it.
#[derive(Clone, Debug)]
pub struct Order {
    pub n: usize,
    pub id: String,
    pub reference: String,
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
    pub face: Face,
    pub outside: Outside,
    pub players: Vec<Player>,
    pub orders: Vec<Order>,
    pub engine: HashMap<String, Session>,
    pub tally: Mutex<Tally>,
    /// What the clock shows, in RFC 3339.
    pub now: Mutex<String>,
    asked: AtomicU64,
}

impl Cast {
    /// Everybody enters with the own key.
    pub async fn gather(app: &str, reached: &Reached, stage: &Stage, keys: &[Key], face: Face, outside: Outside) -> Result<Cast, Failure> {
        let (api, worker) = (reached.db(Login::Api, AT_A_TIME)?, reached.db(Login::Worker, AT_A_TIME)?);
        let admin = reached.place.connect_admin().await?;
        let (mut players, mut engine) = (Vec::new(), HashMap::new());
        for key in keys {
            let session = enter(&api, &key.key).await?;
            if !engine.contains_key(&key.tenant) {
                let number = tenant(&admin, &key.tenant).await?;
                engine.insert(key.tenant.clone(), enter_as(&worker, "connector", number, app).await?);
            }
            players.push(Player {
                tenant: key.tenant.clone(),
                member: key.member.clone(),
                role: key.role.clone(),
                key: key.key.clone(),
                session,
            });
        }
        let goldens = ["1", "2", "3a", "3b", "3c"].map(|name| {
            let tenant = if name == "1" { "nordur" } else { "baltyk" };
            record_id(tenant, app, "order", &format!("golden-q2o-{name}")).to_string()
        });
        let rows = stage.rows(include_str!("orders.sql")).await?;
        let orders = rows.into_iter().enumerate().map(|(n, row)| order(n, row, &goldens)).collect();
        Ok(Cast {
            api,
            worker,
            face,
            outside,
            players,
            orders,
            engine,
            tally: Mutex::default(),
            now: Mutex::default(),
            asked: AtomicU64::new(0),
        })
    }

    /// Looks what the clock shows.
    pub async fn read_clock(&self, stage: &Stage) -> Result<(), Failure> {
        let now = stage.rows("select to_char(statehouse.now() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')").await?;
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now[0][0].clone();
        Ok(())
    }

    /// A member of the order's tenant in a role; which one goes by the order.
    pub fn one(&self, order: &Order, role: &str) -> Who<'_> {
        let fitting: Vec<&Player> = self.players.iter().filter(|player| player.tenant == order.tenant && player.role == role).collect();
        Who::Player(fitting[order.n % fitting.len()])
    }

    /// The member with this address in the order's tenant.
    pub fn member(&self, order: &Order, member: &str) -> Option<Who<'_>> {
        self.players.iter().find(|player| player.tenant == order.tenant && player.member == member).map(Who::Player)
    }

    /// Who sells it.
    pub fn rep(&self, order: &Order) -> Who<'_> {
        self.member(order, &order.rep).unwrap_or_else(|| self.one(order, "rep"))
    }

    /// An outside system, where the verb is also for a person.
    pub fn connector(&self, order: &Order) -> Who<'_> {
        Who::Engine(&self.engine[&order.tenant])
    }

    /// A move that must succeed.
    pub async fn go(&self, order: &Order, who: Who<'_>, verb: &str, input: Option<Value>) {
        if let Err(refused) = self.fire(order, who, verb, input.as_ref()).await {
            self.wrong(format!("`{verb}` on {} {} by {}: {} {}", order.tenant, order.id, who.role(), refused.code, refused.says));
        }
    }

    /// A move that must be refused.
    pub async fn must_not(&self, order: &Order, who: Who<'_>, verb: &str, input: Option<Value>) {
        match self.fire(order, who, verb, input.as_ref()).await {
            Ok(()) => self.wrong(format!("`{verb}` on {} by {} went through", order.id, who.role())),
            Err(refused) if refused.code.is_empty() => self.wrong(format!("`{verb}` on {}: {}", order.id, refused.says)),
            Err(_) => self.tally().repelled += 1,
        }
    }

    /// A move, counted either way.
    pub async fn fire(&self, order: &Order, who: Who<'_>, verb: &str, input: Option<&Value>) -> Result<(), Refused> {
        let answer = match who {
            Who::Player(player) => {
                let path = format!("/order/{}/transitions/{verb}", order.id);
                self.post(player, path, input).await.map(drop)
            }
            Who::Engine(session) => {
                let name = format!("order/{}", order.id);
                let Some((entity, record)) = Target::parse(&name) else { unreachable!("the name is made a line above") };
                let answer = fire(&self.worker, session, &Move { input, ..Move::new(entity, record, verb) }).await;
                answer.map(drop).map_err(|fault| Refused::fault(&fault))
            }
        };
        self.count(verb, &answer);
        answer
    }

    /// A request of a member under a key of its own; when it breaks off it is sent again under the same.
    pub async fn post(&self, player: &Player, path: String, body: Option<&Value>) -> Result<Value, Refused> {
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        self.face.post(&Asked { who: &player.key, path, key: &format!("once-{n:06}"), body }).await
    }

    /// Customs decide; what follows is up to their message, or to whoever asks them.
    pub async fn decide(&self, order: &Order, verb: &str, status: &str) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let told = self.outside.decide(order, status, &now).await;
        if let Err(fault) = &told {
            self.wrong(format!("customs could not decide on {}: {fault}", order.id));
        }
        self.count(verb, &Ok(()));
    }

    /// Counts an answer.
    pub fn count(&self, verb: &str, answer: &Result<(), Refused>) {
        match answer {
            Ok(()) => *self.tally().moved.entry(verb.to_owned()).or_default() += 1,
            Err(refused) => {
                let why = if refused.guards.is_empty() { refused.title.clone() } else { format!("guard {}", refused.guards.join(", ")) };
                *self.tally().refused.entry(format!("{} {why}", refused.code)).or_default() += 1;
            }
        }
    }

    /// How many moves have been acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.tally().moved.values().sum()
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
        reference: row[8].clone(),
        tenant: row[1].clone(),
        rep: row[2].clone(),
        login: Some(row[3].clone()).filter(|login| !login.is_empty()),
        gross: row[4].parse().unwrap_or_default(),
        imported: is(5),
        some_print: is(6),
        only_print: is(7),
    }
}
