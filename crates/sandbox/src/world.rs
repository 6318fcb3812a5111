//! What the sandbox knows. All of it but the switches and the addresses is what the lines of the log come to, so a log read again is the
//! same sandbox again.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::call::Call;
use crate::deed::{Deed, Reply, View};
use crate::faults::{self, Bucket, Mode, Standing, Switch};
use crate::hooks::{Deliveries, Notice, Owed, Target};
use crate::ids::Ids;
use crate::log::{Kept, Line, Log};
use crate::moment::{Clock, Moment};
use crate::providers::{self, Op, Provider};
use crate::shelf::Shelf;

/// What the sandbox knows.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) clock: Clock,
    pub(crate) switches: Vec<Standing>,
    pub(crate) buckets: HashMap<String, Bucket>,
    pub(crate) targets: HashMap<String, Vec<Target>>,
    state: Lines,
}

/// What the lines come to.
#[derive(Debug, Default)]
struct Lines {
    shelves: HashMap<String, Shelf>,
    deliveries: Deliveries,
    /// The numbers of the lines with something to show.
    sent: Vec<u64>,
    /// How often something happened, by stand-in.
    effects: HashMap<String, u64>,
}

/// How a request ends.
#[derive(Debug)]
pub(crate) enum End {
    Answer(Reply),
    /// The answer comes in drops, for so many milliseconds.
    Slowly(Reply, u64),
    Hang,
    Reset,
}

/// What came of a request: its end, and messages that are owed.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    pub(crate) owed: Vec<Owed>,
    pub(crate) n: u64,
}

impl World {
    /// A new one, or the one whose log is at `path`.
    ///
    /// # Errors
    /// When the log cannot be used.
    pub(crate) fn open(path: Option<&Path>, clock: Clock) -> io::Result<World> {
        let mut state = Lines::default();
        let log = match path {
            Some(path) => Log::open(path, |line| state.take(line))?,
            None => Log::in_memory(),
        };
        Ok(World { log, clock, switches: Vec::new(), buckets: HashMap::new(), targets: HashMap::new(), state })
    }

    /// Judges one request, and writes what came of it before anybody hears of it.
    pub(crate) fn handle(&mut self, provider: &'static dyn Provider, call: &Call) -> Outcome {
        let at = self.clock.now();
        let name = provider.name();
        let Op { name: op, writes } = provider.op(call).unwrap_or(Op { name: "unknown", writes: false });
        let mut line = self.line(name, op, at);
        line.body = call.body.clone();
        line.key = call.header("idempotency-key").or_else(|| call.header("x-idempotency-key")).map(str::to_owned);
        if let Some(Err(wait_us)) = self.buckets.get_mut(name).map(|bucket| bucket.take(at)) {
            let wait_s = (wait_us + 999_999).div_euclid(1_000_000);
            line.wait_ms = Some((wait_s * 1_000).unsigned_abs());
            let reply = provider.refuse(429, Some(wait_s)).with("retry-after", wait_s.to_string());
            return self.end(provider, Deed::answer(reply), line, Some("limit"), End::Answer);
        }
        let switch = if op == "unknown" { None } else { faults::pick(&mut self.switches, name, op, writes, false) };
        let mode = switch.as_ref().map(|switch| switch.mode);
        let fault = mode.map(Mode::name);
        match (switch, mode) {
            (_, Some(Mode::ResetBefore)) => self.end(provider, Deed::answer(provider.refuse(503, None)), line, fault, |_| End::Reset),
            (Some(switch), Some(Mode::Status)) if !switch.does() => {
                let reply = refusal(provider, &switch, at, &mut line);
                self.end(provider, Deed::answer(reply), line, fault, End::Answer)
            }
            (switch, mode) => {
                let mut deed = provider.act(op, call, &self.view(name, at));
                let slow_ms = switch.as_ref().and_then(|switch| switch.ms).unwrap_or_default();
                let kept =
                    deed.keep.take().map(|key| Kept { key, print: call.print(), status: deed.reply.status, body: deed.reply.body.clone() });
                line.keep = kept;
                if let Some(switch) = switch.filter(|_| mode == Some(Mode::Status)) {
                    deed.reply = refusal(provider, &switch, at, &mut line);
                    // Whoever gives every stored answer again gives this one again too.
                    if let Some(kept) = line.keep.as_mut().filter(|_| provider.keeps_failures()) {
                        (kept.status, kept.body) = (deed.reply.status, deed.reply.body.clone());
                    }
                }
                self.end(provider, deed, line, fault, |reply| match mode {
                    Some(Mode::AcceptThenHang) => End::Hang,
                    Some(Mode::AcceptThenReset) => End::Reset,
                    Some(Mode::Slow) => End::Slowly(reply, slow_ms),
                    _ => End::Answer(reply),
                })
            }
        }
    }

    /// Writes what a wish of whoever plays with the sandbox comes to; the messages to send are handed back.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub(crate) fn grant(&mut self, provider: &'static dyn Provider, kind: &str, deed: Deed) -> io::Result<Outcome> {
        let mut line = self.line(provider.name(), "happen", self.clock.now());
        line.body = serde_json::json!({ "type": kind });
        line.put = deed.put;
        let owed = self.owed(provider.name(), deed.notices, true, &mut line);
        let n = self.commit(line)?;
        Ok(Outcome { end: End::Answer(deed.reply), owed, n })
    }

    /// Writes a line and takes it up. Its number is given here.
    ///
    /// # Errors
    /// When it cannot be written; then it never was.
    pub(crate) fn commit(&mut self, mut line: Line) -> io::Result<u64> {
        line.n = self.log.next();
        if line.at.is_empty() {
            line.at = self.clock.now().micros();
        }
        self.log.append(&line)?;
        let n = line.n;
        self.state.take(line);
        Ok(n)
    }

    /// What a stand-in sees now.
    pub(crate) fn view(&mut self, provider: &str, at: Moment) -> View<'_> {
        let ids = Ids { n: self.log.next(), at };
        View { shelf: self.state.shelf(provider), ids, at }
    }

    pub(crate) fn deliveries(&self) -> &Deliveries {
        &self.state.deliveries
    }

    /// The numbers of the lines with something to show, the oldest first.
    pub(crate) fn sent(&self) -> &[u64] {
        &self.state.sent
    }

    /// How often something happened at a stand-in.
    pub(crate) fn effects(&self, provider: &str) -> u64 {
        self.state.effects.get(provider).copied().unwrap_or_default()
    }

    /// The switch that goes off for an outgoing message.
    pub(crate) fn pick_hook(&mut self, provider: &str, kind: &str) -> Option<Switch> {
        faults::pick(&mut self.switches, provider, kind, true, true)
    }

    /// Where a message goes: to the address its request named, if that is on this machine; else to the one for its account, else to the one for all.
    pub(crate) fn target(&self, provider: &str, notice: &Notice) -> Option<Target> {
        let targets = self.targets.get(provider).map_or(&[][..], Vec::as_slice);
        let of_account = targets.iter().find(|target| target.account.is_some() && target.account == notice.account);
        let known = of_account.or_else(|| targets.iter().find(|target| target.account.is_none()));
        match &notice.url {
            Some(url) if is_local(url) => {
                Some(Target { url: url.clone(), ..known.cloned().unwrap_or_else(|| Target::new(url.clone(), "")) })
            }
            _ => known.cloned(),
        }
    }

    /// Messages that were owed when the log was left.
    pub(crate) fn left_over(&self) -> Vec<(&'static dyn Provider, Owed)> {
        let pending = self.state.deliveries.all().iter().filter(|delivery| delivery.state == crate::hooks::State::Pending);
        let known = pending.filter_map(|delivery| {
            let provider = providers::named(&delivery.provider)?;
            let target = self.target(&delivery.provider, &delivery.notice)?;
            Some((provider, Owed { notice: delivery.notice.clone(), target, attempts: delivery.attempts }))
        });
        known.collect()
    }

    /// Begins anew: an empty log, no objects, no switches and no limits. Addresses stay.
    ///
    /// # Errors
    /// When the log cannot be emptied.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.log.clear()?;
        self.state = Lines::default();
        self.switches.clear();
        self.buckets.clear();
        Ok(())
    }

    fn line(&self, provider: &str, op: &str, at: Moment) -> Line {
        Line { at: at.micros(), provider: provider.to_owned(), op: op.to_owned(), ..Line::default() }
    }

    fn end(
        &mut self,
        provider: &'static dyn Provider,
        deed: Deed,
        mut line: Line,
        fault: Option<&str>,
        how: impl FnOnce(Reply) -> End,
    ) -> Outcome {
        line.fault = fault.map(str::to_owned);
        (line.reference, line.effect, line.sent, line.put) = (deed.reference, deed.effect, deed.sent, deed.put);
        let status = deed.reply.status;
        let end = how(deed.reply);
        line.status = matches!(end, End::Answer(_) | End::Slowly(..)).then_some(status);
        let owed = self.owed(provider.name(), deed.notices, false, &mut line);
        match self.commit(line) {
            Ok(n) => Outcome { end, owed, n },
            // What does not stand in the log never happened.
            Err(_) => Outcome { end: End::Answer(provider.refuse(503, None)), owed: Vec::new(), n: 0 },
        }
    }

    /// Those messages that have somewhere to go, written down with the line.
    fn owed(&self, provider: &str, notices: Vec<Notice>, by_hand: bool, line: &mut Line) -> Vec<Owed> {
        let n = self.log.next();
        let mut owed = Vec::new();
        for mut notice in notices {
            let Some(target) = self.target(provider, &notice).filter(|target| by_hand || target.auto) else { continue };
            notice.nr = format!("{n}.{}", owed.len() + 1);
            line.hooks.push(notice.clone());
            owed.push(Owed { notice, target, attempts: 0 });
        }
        owed
    }
}

impl Lines {
    fn shelf(&mut self, provider: &str) -> &mut Shelf {
        if !self.shelves.contains_key(provider) {
            self.shelves.insert(provider.to_owned(), Shelf::default());
        }
        // It stands there: it was put there above.
        self.shelves.entry(provider.to_owned()).or_default()
    }

    fn take(&mut self, line: Line) {
        if line.op == "hook" {
            self.deliveries.note(&line);
            return;
        }
        if line.sent.is_some() {
            self.sent.push(line.n);
        }
        if line.effect {
            *self.effects.entry(line.provider.clone()).or_default() += 1;
        }
        let shelf = self.shelf(&line.provider);
        if line.op == "forget" {
            shelf.forget_keys();
        }
        if let Some(provider) = providers::named(&line.provider) {
            provider.remember(shelf, &line);
        }
        line.put.into_iter().for_each(|put| shelf.put(put));
        line.keep.into_iter().for_each(|kept| shelf.keep(kept));
        line.hooks.into_iter().for_each(|notice| self.deliveries.owe(&line.provider, notice));
    }
}

/// The answer of a status switch, in the provider's own form.
fn refusal(provider: &dyn Provider, switch: &Switch, at: Moment, line: &mut Line) -> Reply {
    let header = switch.retry_after.as_ref().map(|retry_after| retry_after.header(at));
    let wait_s = header.as_ref().and_then(|(_, wait_s)| *wait_s);
    line.wait_ms = wait_s.map(|seconds| seconds.unsigned_abs() * 1_000);
    let reply = provider.refuse(switch.status.unwrap_or(500), wait_s);
    match header {
        Some((text, _)) => reply.with("retry-after", text),
        None => reply,
    }
}

/// Whether an address is on this machine.
fn is_local(url: &str) -> bool {
    let Ok(url) = url.parse::<hyper::Uri>() else { return false };
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    url.scheme_str() == Some("http") && (host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()))
}
