//! The outside of the rehearsal: stand-ins that misbehave, and what the worker makes of it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use statehouse_definition::App;
use statehouse_fault::Fault;
use statehouse_sandbox::{Mode, Sandbox, Settings, Switch, Target, Wish};
use statehouse_store::inbox;
use statehouse_store::rehearsal::Stage;

use super::cast::Order;
use super::figures::Check;
use crate::failure::Failure;
use crate::private;

/// What customs signs with; of the form that the scheme asks for.
const HOOK_SECRET: &str = "whsec_c3RhdGVob3VzZSByZWhlYXJzYWwgc2VjcmV0IDI0";
/// Between two moves of the clock something has to happen, or this passes.
const STILL: Duration = Duration::from_millis(20);
/// The clock's step: what a rate allows meanwhile may go out.
const STEP: &str = "2 seconds";
/// The clock may run ahead of requests under way by so many steps, which is less than a lease. It would otherwise look as if
/// a request were long over that has hardly left.
const STEPS_AHEAD: u32 = 20;
/// By the wall, every request is over after this, and so is one of a process that was killed.
const OVER: Duration = Duration::from_secs(11);
/// What was never told is asked for after so long.
const UNTIL_ASKED: &str = "5 minutes";
/// Nothing that is owed waits longer than this for its turn, by the wall.
const PATIENCE: Duration = Duration::from_secs(60);

/// The stand-ins, and what was told by customs.
#[derive(Debug)]
pub struct Outside {
    sandbox: Sandbox,
    secrets: PathBuf,
    told: Mutex<BTreeSet<(String, String)>>,
}

impl Outside {
    /// Starts the stand-ins with a log and the secrets of both sides below `place`.
    pub async fn start(place: PathBuf, tenants: &[String]) -> Result<Outside, Failure> {
        let sandbox = Sandbox::start(Settings { log: Some(place.join("sandbox.jsonl")), ..Settings::default() }).await?;
        let secrets = place.join("secrets.yaml");
        let mut text =
            format!("twilio_account: AC00000000000000000000000000000001\ntwilio_token: rehearsal\ncustoms_hook: {HOOK_SECRET}\ntenants:\n");
        for tenant in tenants {
            text.push_str(&format!("  {tenant}: {{ customs_key: account_{tenant} }}\n"));
        }
        private::write(&secrets, &text)?;
        Ok(Outside { sandbox, secrets, told: Mutex::default() })
    }

    /// What the server and the worker are told of it.
    pub fn settings(&self) -> Vec<(String, String)> {
        let set = |name: &str, value: String| (format!("STATEHOUSE_{name}"), value);
        vec![
            set("SECRETS__FILE", self.secrets.display().to_string()),
            set("CONNECTORS__SMS__BASE", self.sandbox.base("twilio")),
            set("CONNECTORS__SMS__SETTINGS__SMS_FROM", "+3545550100".to_owned()),
            set("CONNECTORS__CUSTOMS__BASE", self.sandbox.base("customs")),
            // The clock is moved by hand, and nobody rings when it is.
            set("WORKER__POLL_MS", "10".to_owned()),
            set("LOG__ACCESS", "false".to_owned()),
        ]
    }

    /// Lets customs know where each tenant is told.
    pub async fn introduce(&self, stage: &mut Stage, app: &App, tenants: &[String], api: &str) -> Result<(), Failure> {
        let mut targets = Vec::new();
        for tenant in tenants {
            let made = inbox::issue(stage.admin(), app, tenant, "customs", None).await?;
            let target = Target::new(format!("http://{api}/v1/in/{}", made.token), HOOK_SECRET);
            targets.push(target.of(tenant).retrying_ms(&[50, 200, 1_000, 3_000]));
        }
        Ok(self.sandbox.hook_to("customs", targets)?)
    }

    /// From now on some requests are taken and never answered.
    pub fn hang(&self) -> Result<(), Failure> {
        Ok(self.sandbox.fault(Switch::new("twilio", Mode::AcceptThenHang).share(0.05, 1).times(4))?)
    }

    /// From now on a part of everything goes wrong, the same part in every rehearsal.
    pub fn misbehave(&self) -> Result<(), Failure> {
        let texts = |mode| Switch::new("twilio", mode);
        let told = |mode| Switch::new("customs", mode);
        let switches = vec![
            texts(Mode::AcceptThenReset).share(0.05, 2),
            texts(Mode::ResetBefore).share(0.03, 3),
            Switch::status("twilio", 503).share(0.04, 4),
            Switch::status("twilio", 500).share(0.03, 5),
            Switch::status("twilio", 429).retry_after_s(3).share(0.02, 6),
            told(Mode::DuplicateHook).share(0.3, 7),
            told(Mode::DropHook).share(0.3, 8),
            told(Mode::ReorderHooks).hold(3).ms(100).share(0.3, 9),
            told(Mode::ForgeHook).share(0.2, 10),
        ];
        Ok(self.sandbox.set_faults(switches)?)
    }

    /// Customs decide something about an order, and say so by themselves, as well as they can.
    pub async fn decide(&self, order: &Order, status: &str, now: &str) -> Result<(), Fault> {
        let id = format!("dec_{}_{}", order.tenant, order.reference);
        let with = json!({ "id": id, "order": order.reference, "account": order.tenant, "updated_at": now });
        let wish = Wish { later: true, ..Wish::new("customs", format!("declaration.{status}"), with) };
        self.sandbox.hook(wish).await?;
        self.told().insert((order.id.clone(), status.to_owned()));
        Ok(())
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock on in small steps until nothing is owed to the outside and nothing that came waits.
    pub async fn quiet(&self, stage: &Stage) -> Result<(), Failure> {
        let began = Instant::now();
        let (mut last, mut changed, mut ahead) = (Vec::new(), Instant::now(), 0);
        while began.elapsed() < PATIENCE {
            let owed = stage.rows(include_str!("owed.sql")).await?.concat();
            let under_way = owed[0] != "0";
            if owed != last {
                (last, changed) = (owed, Instant::now());
            }
            if !under_way || changed.elapsed() > OVER {
                ahead = 0;
            }
            if last.iter().all(|count| count == "0") {
                if stage.rows(include_str!("customs.sql")).await?[0][0] == self.told().len().to_string() {
                    return Ok(());
                }
                stage.wait(UNTIL_ASKED).await?;
            } else if changed.elapsed() >= STILL && ahead < STEPS_AHEAD {
                ahead += 1;
                stage.wait(STEP).await?;
            }
            tokio::time::sleep(STILL / 2).await;
        }
        Err(Failure::new(statehouse_fault::SH9001, format!("after a minute something is still owed to the outside: {last:?}")))
    }

    /// What was sent, against what was owed.
    pub async fn checks(&self, stage: &Stage) -> Result<Vec<Check>, Failure> {
        let owed: usize = stage.rows("select count(*) from statehouse.effect").await?[0][0].parse().unwrap_or_default();
        let done = &stage.rows("select count(*) from statehouse.effect where state = 'done'").await?[0][0];
        let sent = self.sandbox.effects("twilio");
        let log = self.sandbox.log("twilio");
        let lost = log.iter().filter(|line| line.effect && line.status.is_none_or(|status| status >= 500)).count();
        let refused = log.iter().filter(|line| !line.effect && line.fault.is_some()).count();
        let told = self.told().len();
        let customs = self.sandbox.faults();
        let dropped: u64 = customs.iter().filter(|standing| standing.switch.mode == Mode::DropHook).map(|standing| standing.fired).sum();
        let by_customs = stage.rows(include_str!("customs.sql")).await?;
        Ok(vec![
            Check::new("texts the provider sent: one for each message owed", owed, sent.values().sum::<usize>()),
            Check::new("texts sent twice", 0, sent.values().filter(|times| **times > 1).count()),
            Check::new("messages known to be sent: all of them", owed, done),
            Check::new(format!("texts sent without a word of it coming back ({lost}), so at least one"), "yes", yes(lost > 0)),
            Check::new(format!("requests the provider did not take at first ({refused}), so at least one"), "yes", yes(refused > 0)),
            Check::new("decisions of customs: each moved its order once", told, &by_customs[0][0]),
            Check::new(
                format!("messages of customs that never came ({dropped}), so at least one was found by asking"),
                "yes",
                yes(dropped > 0),
            ),
            Check::new("messages of customs that nobody could place", 0, &by_customs[0][1]),
        ])
    }
}

fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}
