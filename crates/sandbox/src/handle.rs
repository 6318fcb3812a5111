//! The controls as typed calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use statehouse_fault::{Fault, SH7301, SH7302};

use crate::faults::{Bucket, Limit, Standing, Switch};
use crate::hooks::{Courier, Delivery, Owed, Target};
use crate::log::{Line, Sent};
use crate::moment::Clock;
use crate::providers::{self, Provider};
use crate::shared::Shared;

/// How long [`Handle::until`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everything one may do with a sandbox that runs. Cheap to clone; it works from any thread.
#[derive(Clone, Debug)]
pub struct Handle(Arc<Shared>);

/// Something that is to happen at a provider, and the message about it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The stand-in.
    pub provider: String,
    /// What happens, in the provider's own words: `payment_intent.succeeded`, `paid`, `declaration.cleared`.
    #[serde(rename = "type")]
    pub kind: String,
    /// To which object, and with what; each stand-in says what it takes.
    #[serde(default)]
    pub with: Value,
    /// The id of the message; a new one when absent.
    #[serde(default)]
    pub id: Option<String>,
    /// Laid over the message's body: it then says something else than the provider has.
    #[serde(default)]
    pub overlay: Value,
    /// How many times the message goes out; once when 0.
    #[serde(default)]
    pub times: u32,
    /// The message is signed with a wrong secret, and nothing happens at the provider.
    #[serde(default)]
    pub forge: bool,
    /// It happens, and no message goes out.
    #[serde(default)]
    pub drop: bool,
    /// How much later the message goes out.
    #[serde(default)]
    pub delay_ms: Option<u64>,
    /// How much older than it is the message is said to be, in seconds; below zero, from ahead of us.
    #[serde(default)]
    pub age_s: i64,
    /// Do not wait for the first attempt to deliver it.
    #[serde(default)]
    pub later: bool,
}

impl Wish {
    /// Something happens at a provider.
    pub fn new(provider: impl Into<String>, kind: impl Into<String>, with: Value) -> Wish {
        Wish { provider: provider.into(), kind: kind.into(), with, ..Wish::default() }
    }
}

/// A message that went out because somebody wished it.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Its number among the deliveries.
    pub nr: String,
    /// The id by which its receiver tells it apart.
    pub id: String,
    /// What was answered to the first attempt; nothing when nobody answered or nobody waited.
    pub status: Option<u16>,
}

/// One thing that was sent.
#[derive(Clone, Debug, Serialize)]
pub struct SentRow {
    /// The number of its line.
    pub n: u64,
    /// When.
    pub at: String,
    /// By which stand-in.
    pub provider: String,
    /// The caller's reference.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// What it was.
    #[serde(flatten)]
    pub sent: Sent,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Handle {
        Handle(shared)
    }

    /// Where a stand-in answers: `http://127.0.0.1:4010/twilio`.
    pub fn base(&self, provider: &str) -> String {
        format!("http://{}/{provider}", self.0.address)
    }

    /// The lines of one stand-in, messages that went out among them, the oldest first.
    ///
    /// # Panics
    /// When the log cannot be read.
    pub fn log(&self, provider: &str) -> Vec<Line> {
        self.lines(0).into_iter().filter(|line| line.provider == provider).collect()
    }

    /// The lines with a number above `after`.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[allow(clippy::expect_used)]
    pub fn lines(&self, after: u64) -> Vec<Line> {
        let text = self.0.world().log.text(after, usize::MAX).expect("the log can be read");
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("the log holds lines")).collect()
    }

    /// How often each thing happened at a stand-in, by idempotency key, or by reference where no key came.
    pub fn effects(&self, provider: &str) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for line in self.log(provider).into_iter().filter(|line| line.effect) {
            *counts.entry(line.key.or(line.reference).unwrap_or_default()).or_default() += 1;
        }
        counts
    }

    /// How often something happened at a stand-in, without a look at the log.
    pub fn count(&self, provider: &str) -> u64 {
        self.0.world().effects(provider)
    }

    /// What was sent, the newest first: up to `most` with a number above `after`.
    ///
    /// # Errors
    /// `SH7301` when the log cannot be read.
    pub fn sent(&self, provider: Option<&str>, after: u64, most: usize) -> Result<Vec<SentRow>, Fault> {
        let world = self.0.world();
        let mut rows = Vec::new();
        for n in world.sent().iter().rev().take_while(|n| **n > after) {
            if rows.len() >= most {
                break;
            }
            let lines = world.log.lines(&[*n]).map_err(|cause| Fault::new(SH7301, format!("the log cannot be read: {cause}")))?;
            let fitting = lines.into_iter().filter(|line| provider.is_none_or(|name| name == line.provider));
            let row =
                |line: Line| Some(SentRow { n: line.n, at: line.at, provider: line.provider, reference: line.reference, sent: line.sent? });
            rows.extend(fitting.filter_map(row));
        }
        Ok(rows)
    }

    /// Sets a fault switch beside those that stand.
    ///
    /// # Errors
    /// `SH7302` for one that makes no sense.
    pub fn fault(&self, switch: Switch) -> Result<(), Fault> {
        sound(&switch)?;
        self.0.world().switches.push(Standing::new(switch));
        Ok(())
    }

    /// Sets fault switches in place of those that stand.
    ///
    /// # Errors
    /// `SH7302` for one that makes no sense; then those that stood still stand.
    pub fn set_faults(&self, switches: Vec<Switch>) -> Result<(), Fault> {
        switches.iter().try_for_each(sound)?;
        self.0.world().switches = switches.into_iter().map(Standing::new).collect();
        Ok(())
    }

    /// Ends every fault switch.
    pub fn clear_faults(&self) {
        self.0.world().switches.clear();
    }

    /// The switches that stand, and how often each went off.
    pub fn faults(&self) -> Vec<Standing> {
        self.0.world().switches.clone()
    }

    /// Limits the requests of a stand-in, or ends the limit.
    ///
    /// # Errors
    /// `SH7302` for a stand-in there is not, and a limit that lets nothing through.
    pub fn limit(&self, provider: &str, limit: Option<Limit>) -> Result<(), Fault> {
        let name = known(provider)?.name();
        if limit.is_some_and(|limit| !(limit.per_second > 0.0 && limit.burst >= 1.0)) {
            return Err(Fault::new(SH7302, "`per_second` is above 0, and `burst` at least 1"));
        }
        let mut world = self.0.world();
        let now = world.clock.now();
        world.buckets.remove(name);
        if let Some(limit) = limit {
            world.buckets.insert(name.to_owned(), Bucket::new(limit, now));
        }
        Ok(())
    }

    /// The limits that stand.
    pub fn limits(&self) -> BTreeMap<String, Limit> {
        self.0.world().buckets.iter().map(|(name, bucket)| (name.clone(), bucket.limit)).collect()
    }

    /// Where the messages of a stand-in go from now on.
    ///
    /// # Errors
    /// `SH7302` for a stand-in there is not, and an address or secret it cannot use.
    pub fn hook_to(&self, provider: &str, targets: Vec<Target>) -> Result<(), Fault> {
        let provider = known(provider)?;
        if let Some(wrong) = targets.iter().find_map(Target::wrong) {
            return Err(Fault::new(SH7302, wrong));
        }
        let unreadable = |target: &Target| !target.secret.is_empty() && !provider.takes(&target.secret);
        if let Some(target) = targets.iter().find(|target| unreadable(target)) {
            return Err(Fault::new(SH7302, format!("the secret for `{}` is not of the form that `{}` has", target.url, provider.name())));
        }
        self.0.world().targets.insert(provider.name().to_owned(), targets);
        Ok(())
    }

    /// Where messages go, without the secrets.
    pub fn targets(&self) -> BTreeMap<String, Vec<Value>> {
        let shown = |target: &Target| {
            let mut shown = serde_json::to_value(target).unwrap_or_default();
            shown["secret"] = if target.secret.is_empty() { "" } else { "…" }.into();
            shown
        };
        self.0.world().targets.iter().map(|(name, targets)| (name.clone(), targets.iter().map(shown).collect())).collect()
    }

    /// Lets something happen at a provider and sends its message.
    ///
    /// # Errors
    /// `SH7302` when the stand-in or what is to happen is not known, `SH7301` when the log cannot be written.
    pub async fn hook(&self, wish: Wish) -> Result<Vec<Told>, Fault> {
        let (provider, owed) = self.granted(&wish)?;
        let mut told: Vec<Told> =
            owed.iter().map(|owed| Told { nr: owed.notice.nr.clone(), id: owed.notice.id.clone(), status: None }).collect();
        let tried = Courier::take_up(&self.0, provider, owed);
        if !wish.later {
            for (told, answer) in told.iter_mut().zip(tried) {
                told.status = answer.await.ok().flatten();
            }
        }
        Ok(told)
    }

    fn granted(&self, wish: &Wish) -> Result<(&'static dyn Provider, Vec<Owed>), Fault> {
        let provider = known(&wish.provider)?;
        let mut world = self.0.world();
        let at = world.clock.now();
        let mut deed =
            provider.happen(&wish.kind, &wish.with, &world.view(provider.name(), at)).map_err(|what| Fault::new(SH7302, what))?;
        for notice in &mut deed.notices {
            notice.id = wish.id.clone().unwrap_or_else(|| std::mem::take(&mut notice.id));
            notice.forged = wish.forge;
            notice.age_s = wish.age_s;
            notice.delay_ms = wish.delay_ms;
            overlay(&mut notice.body, &wish.overlay);
        }
        let once = deed.notices.clone();
        deed.notices = (0..wish.times.max(1)).flat_map(|_| once.clone()).filter(|_| !wish.drop).collect();
        if wish.forge {
            deed.put.clear();
        }
        let granted = world.grant(provider, &wish.kind, deed);
        drop(world);
        let outcome = granted.map_err(|cause| Fault::new(SH7301, format!("the log cannot be written: {cause}")))?;
        self.0.written(outcome.n);
        Ok((provider, outcome.owed))
    }

    /// Messages that went out, and how far they have come, the oldest first.
    pub fn deliveries(&self, provider: Option<&str>) -> Vec<Delivery> {
        let world = self.0.world();
        let fitting = world.deliveries().all().iter().filter(|delivery| provider.is_none_or(|name| name == delivery.provider));
        fitting.cloned().collect()
    }

    /// Whether a stand-in has stopped sending because nobody took its messages.
    pub fn paused(&self, provider: &str) -> bool {
        self.0.courier.paused(provider)
    }

    /// Lets a stand-in that has stopped sending send again.
    ///
    /// # Errors
    /// `SH7302` for a stand-in there is not.
    pub fn resume(&self, provider: &str) -> Result<(), Fault> {
        Courier::resume(&self.0, known(provider)?.name());
        Ok(())
    }

    /// Lets a stand-in forget its idempotency keys, as a provider does after a day.
    ///
    /// # Errors
    /// `SH7302` for a stand-in there is not, `SH7301` when the log cannot be written.
    pub fn forget_keys(&self, provider: &str) -> Result<(), Fault> {
        let line = Line { provider: known(provider)?.name().to_owned(), op: "forget".to_owned(), ..Line::default() };
        self.0.commit(line).map_err(|cause| Fault::new(SH7301, format!("the log cannot be written: {cause}")))?;
        Ok(())
    }

    /// Begins anew: an empty log, no objects, no switches, no limits. Addresses for messages stay.
    ///
    /// # Errors
    /// `SH7301` when the log cannot be emptied.
    pub fn reset(&self) -> Result<(), Fault> {
        self.0.world().reset().map_err(|cause| Fault::new(SH7301, format!("the log cannot be emptied: {cause}")))
    }

    /// How many requests hang now.
    pub fn hanging(&self) -> usize {
        self.0.hanging.load(Ordering::SeqCst)
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Waits until something holds, looking again at every line; `false` when it does not within half a minute.
    pub async fn until(&self, holds: impl Fn(&Handle) -> bool) -> bool {
        let mut last = self.0.last.subscribe();
        let looking = async {
            while !holds(self) {
                if last.changed().await.is_err() {
                    return holds(self);
                }
            }
            true
        };
        tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| holds(self))
    }
}

fn known(provider: &str) -> Result<&'static dyn Provider, Fault> {
    let names: Vec<&str> = providers::ALL.iter().map(|one| one.name()).collect();
    providers::named(provider).ok_or_else(|| {
        Fault::new(SH7302, format!("there is no stand-in `{provider}`")).with_help(format!("there are {}", names.join(", ")))
    })
}

fn sound(switch: &Switch) -> Result<(), Fault> {
    if switch.provider != "*" {
        known(&switch.provider)?;
    }
    switch.wrong().map_or(Ok(()), |wrong| Err(Fault::new(SH7302, wrong)))
}

/// Lays one JSON value over another; objects are laid field by field.
fn overlay(under: &mut Value, over: &Value) {
    match (under, over) {
        (_, Value::Null) => {}
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over.clone(),
    }
}
