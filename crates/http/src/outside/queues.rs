//! How much waits, asked of the database at most every few seconds however often it is looked at.

use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use statehouse_store::Db;
use statehouse_store::queues::{Queue, queues};
use tokio::sync::Mutex;

/// It is asked again after this.
const KEPT: Duration = Duration::from_secs(5);
/// Whoever looks is answered without it rather than later.
const WITHIN: Duration = Duration::from_secs(2);

/// What was counted last.
#[derive(Default)]
pub(crate) struct Queues(Mutex<Option<Counted>>);

struct Counted {
    at: Instant,
    /// Nothing where the database did not say.
    found: Option<Arc<Vec<Queue>>>,
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Queues")
    }
}

impl Queues {
    /// What waits, as of at most five seconds ago; nothing where the database does not say.
    pub(crate) async fn look(&self, db: &Db) -> Option<Arc<Vec<Queue>>> {
        let Ok(mut counted) = tokio::time::timeout(WITHIN, self.0.lock()).await else { return None };
        if let Some(last) = counted.as_ref().filter(|last| last.at.elapsed() < KEPT) {
            return last.found.clone();
        }
        let found = match tokio::time::timeout(WITHIN, queues(db)).await {
            Ok(Ok(found)) => Some(Arc::new(found)),
            Ok(Err(fault)) => {
                tracing::warn!(%fault, "what waits cannot be counted");
                None
            }
            Err(_) => None,
        };
        *counted = Some(Counted { at: Instant::now(), found: found.clone() });
        found
    }
}

/// In the text format of Prometheus.
pub(crate) fn print(text: &mut String, found: Option<&[Queue]>) {
    let _ = writeln!(
        text,
        "# HELP statehouse_queues_counted Whether the database could say what waits.\n# TYPE statehouse_queues_counted gauge"
    );
    let _ = writeln!(text, "statehouse_queues_counted {}", u8::from(found.is_some()));
    let Some(found) = found else { return };
    series(text, "waiting", "How many wait, by kind and state; counted up to ten thousand in one tenant.", found, |queue| {
        queue.count.to_string()
    });
    series(text, "oldest_seconds", "How long the oldest of them has waited.", found, |queue| queue.oldest_s.max(0.0).to_string());
    text.push_str("# HELP statehouse_breakers Gates of tenants whose breaker is not closed.\n# TYPE statehouse_breakers gauge\n");
    for gate in found.iter().filter(|queue| queue.kind == "gate") {
        let Queue { app, name, state, count, .. } = gate;
        let _ = writeln!(text, "statehouse_breakers{{app=\"{app}\",connector=\"{name}\",state=\"{state}\"}} {count}");
    }
}

fn series(text: &mut String, what: &str, help: &str, found: &[Queue], value: impl Fn(&Queue) -> String) {
    let _ = writeln!(text, "# HELP statehouse_{what} {help}\n# TYPE statehouse_{what} gauge");
    for queue in found.iter().filter(|queue| queue.kind != "gate") {
        let Queue { kind, app, name, state, .. } = queue;
        let _ = writeln!(text, "statehouse_{what}{{kind=\"{kind}\",app=\"{app}\",name=\"{name}\",state=\"{state}\"}} {}", value(queue));
    }
}

const HELD: &str = "held since a restore, for somebody to look at";

/// In plain words, a row each, for a person; whether all of it is as it should be.
pub(crate) fn told(found: &[Queue]) -> Vec<(String, String, bool)> {
    found.iter().filter_map(sentence).collect()
}

fn sentence(queue: &Queue) -> Option<(String, String, bool)> {
    let Queue { kind, name, state, count, oldest_s, .. } = queue;
    let since = since(*oldest_s);
    let late = *oldest_s > 300.0;
    let (what, said, fine) = match (kind.as_str(), state.as_str()) {
        ("effect", "due") if *oldest_s <= 0.0 => (format!("to {name}"), format!("{count} to be sent later"), true),
        ("effect", "due") => (format!("to {name}"), format!("{count} to be sent, the oldest for {since}"), !late),
        ("effect", "leased") => (format!("to {name}"), format!("{count} being sent"), true),
        ("effect", "unknown") => {
            (format!("to {name}"), format!("{count} of which nobody knows whether they arrived, the oldest for {since}"), false)
        }
        ("effect", "held") => (format!("to {name}"), format!("{count} {HELD}"), false),
        ("effect", "dead") => (format!("to {name}"), format!("{count} given up, for somebody to look at"), false),
        ("gate", state) => (format!("to {name}"), format!("breaker {state} for {count} {}", tenants(*count)), false),
        ("message", "due") => (format!("from {name}"), format!("{count} to be looked at, the oldest for {since}"), !late),
        ("message", "leased") => (format!("from {name}"), format!("{count} being looked at"), true),
        ("message", "waiting") => (format!("from {name}"), format!("{count} waiting for their record, the oldest for {since}"), true),
        ("message", "held") => (format!("from {name}"), format!("{count} {HELD}"), false),
        ("message", state) => (format!("from {name}"), format!("{count} {state}, for somebody to look at"), false),
        ("timer", "held") => ("timers".to_owned(), format!("{count} {HELD}"), false),
        ("schedule", _) => (format!("schedule {name}"), HELD.to_owned(), false),
        ("source", _) => (format!("from {name}"), format!("asked, and what it says is {HELD}"), false),
        ("timer", _) => ("timers".to_owned(), format!("{count} due, the oldest for {since}"), !late),
        ("delivery", "held") => ("to subscribers".to_owned(), format!("{count} {HELD}"), false),
        ("delivery", "due") => ("to subscribers".to_owned(), format!("{count} to be delivered, the oldest for {since}"), !late),
        ("delivery", _) => ("to subscribers".to_owned(), format!("{count} being delivered"), true),
        _ => return None,
    };
    Some((what, said, fine))
}

fn tenants(count: i64) -> &'static str {
    if count == 1 { "tenant" } else { "tenants" }
}

/// A span as a person says it.
fn since(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (number, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7200 => (seconds / 60, "minute"),
        7200..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(kind: &str, name: &str, state: &str, count: i64, oldest_s: f64) -> Queue {
        Queue { kind: kind.into(), app: "orders".into(), name: name.into(), state: state.into(), count, oldest_s }
    }

    #[test]
    fn what_waits_is_said_in_words() {
        let cases = [
            (queue("effect", "sms", "due", 3, 61.0), "to sms: 3 to be sent, the oldest for 61 seconds", true),
            (queue("effect", "sms", "due", 3, -5.0), "to sms: 3 to be sent later", true),
            (queue("effect", "sms", "due", 3, 301.0), "to sms: 3 to be sent, the oldest for 5 minutes", false),
            (
                queue("effect", "sms", "unknown", 1, 7200.0),
                "to sms: 1 of which nobody knows whether they arrived, the oldest for 2 hours",
                false,
            ),
            (queue("gate", "sms", "open", 1, 3.0), "to sms: breaker open for 1 tenant", false),
            (queue("message", "customs", "waiting", 2, 172_800.0), "from customs: 2 waiting for their record, the oldest for 2 days", true),
            (queue("message", "customs", "late", 2, 1.0), "from customs: 2 late, for somebody to look at", false),
            (queue("timer", "", "due", 9, 1.0), "timers: 9 due, the oldest for 1 second", true),
        ];
        for (queue, expected, fine) in cases {
            let told = told(std::slice::from_ref(&queue));
            assert_eq!((format!("{}: {}", told[0].0, told[0].1).as_str(), told[0].2), (expected, fine));
        }
    }

    #[test]
    fn counts_are_printed_for_prometheus_and_their_absence_too() {
        let mut text = String::new();
        print(
            &mut text,
            Some(&[
                queue("effect", "sms", "due", 3, 61.5),
                queue("gate", "sms", "open", 2, 1.0),
                queue("effect", "sms", "leased", 1, -9.0),
            ]),
        );
        for line in [
            "statehouse_queues_counted 1",
            "statehouse_waiting{kind=\"effect\",app=\"orders\",name=\"sms\",state=\"due\"} 3",
            "statehouse_oldest_seconds{kind=\"effect\",app=\"orders\",name=\"sms\",state=\"due\"} 61.5",
            "statehouse_oldest_seconds{kind=\"effect\",app=\"orders\",name=\"sms\",state=\"leased\"} 0",
            "statehouse_breakers{app=\"orders\",connector=\"sms\",state=\"open\"} 2",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
        let mut text = String::new();
        print(&mut text, None);
        assert!(text.ends_with("statehouse_queues_counted 0\n"), "{text}");
    }
}
