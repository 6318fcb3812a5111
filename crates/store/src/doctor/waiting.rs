//! Whether anything waits that should not: nothing works it off, or nobody looks at it.

use super::Check;
use crate::queues::Queue;

/// What is due for longer than this has nobody who works it off, or too few.
const LATE_S: f64 = 300.0;
const WORKER: &str = "run `statehouse work`, or see in its log what holds it up";

/// A check for each kind.
pub(super) fn checks(found: &[Queue]) -> Vec<Check> {
    vec![
        due("effects", found, "effect"),
        attended(
            "effects to look at",
            found,
            "effect",
            &["unknown", "dead"],
            "`statehouse effects list --as KEY` shows them; `resolve` or `replay` each",
        ),
        attended(
            "breakers",
            found,
            "gate",
            &["open", "probing"],
            "the outside system fails; see `GET /v1/gates`, it is tried again by itself",
        ),
        due("messages", found, "message"),
        attended(
            "messages to look at",
            found,
            "message",
            &["late", "quarantined", "conflict", "dead"],
            "`statehouse messages list --as KEY` shows them; `show` each, `replay` those that are to be looked at again, and put away those in conflict with `statehouse held discard message:ID --evidence …`",
        ),
        held(found),
        due("timers", found, "timer"),
        due("deliveries", found, "delivery"),
    ]
}

/// What is due, and since when the oldest of it.
fn due(name: &'static str, found: &[Queue], kind: &str) -> Check {
    let due: Vec<&Queue> = found.iter().filter(|queue| queue.kind == kind && queue.state == "due").collect();
    let (count, oldest_s) = (due.iter().map(|queue| queue.count).sum(), due.iter().map(|queue| queue.oldest_s).fold(0.0, f64::max));
    let told = match count {
        0 => "none due".to_owned(),
        count => format!("{} due, the oldest for {}", super::grouped(count), since(oldest_s)),
    };
    Check::when(oldest_s <= LATE_S, name, told, WORKER)
}

/// What waits for a person.
fn attended(name: &'static str, found: &[Queue], kind: &str, states: &[&str], help: &str) -> Check {
    let waiting = found.iter().filter(|queue| queue.kind == kind && states.contains(&queue.state.as_str()));
    let told: Vec<String> = waiting.map(|queue| format!("{} of `{}` {}", super::grouped(queue.count), queue.name, queue.state)).collect();
    Check::when(told.is_empty(), name, if told.is_empty() { "none".to_owned() } else { told.join(", ") }, help)
}

/// What a restore keeps from going on by itself, of every kind.
fn held(found: &[Queue]) -> Check {
    let mut kinds: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for queue in found.iter().filter(|queue| queue.state == "held") {
        *kinds.entry(&queue.kind).or_default() += queue.count;
    }
    let told: Vec<String> = kinds.iter().map(|(kind, count)| format!("{} of kind `{kind}`", super::grouped(*count))).collect();
    Check::when(
        told.is_empty(),
        "held since a restore",
        if told.is_empty() { "nothing".to_owned() } else { told.join(", ") },
        "`statehouse held list --as KEY` shows what; `release` what is to go on, `discard` what was done or must not be done",
    )
}

fn since(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(kind: &str, state: &str, count: i64, oldest_s: f64) -> Queue {
        Queue { kind: kind.into(), app: "orders".into(), name: "sms".into(), state: state.into(), count, oldest_s }
    }

    fn wrong(found: &[Queue]) -> Vec<(&'static str, String)> {
        checks(found).into_iter().filter(|check| !check.fine).map(|check| (check.name, check.found)).collect()
    }

    #[test]
    fn what_waits_too_long_or_for_a_person_is_wrong() {
        assert_eq!(wrong(&[]), []);
        assert_eq!(wrong(&[queue("effect", "due", 3, 299.0), queue("message", "waiting", 3, 9e9), queue("timer", "due", 1, 5.0)]), []);
        assert_eq!(wrong(&[queue("effect", "due", 1626, 301.0)]), [("effects", "1,626 due, the oldest for 5 min".to_owned())]);
        assert_eq!(wrong(&[queue("effect", "unknown", 1, 1.0)]), [("effects to look at", "1 of `sms` unknown".to_owned())]);
        assert_eq!(wrong(&[queue("gate", "open", 2, 1.0)]), [("breakers", "2 of `sms` open".to_owned())]);
        assert_eq!(
            wrong(&[queue("message", "dead", 2, 1.0), queue("message", "late", 1, 1.0)]),
            [("messages to look at", "2 of `sms` dead, 1 of `sms` late".to_owned())]
        );
        assert_eq!(
            wrong(&[queue("effect", "held", 1200, 1.0), queue("timer", "held", 3, -5.0), queue("timer", "held", 1, 5.0)]),
            [("held since a restore", "1,200 of kind `effect`, 4 of kind `timer`".to_owned())]
        );
        let conflict = checks(&[queue("message", "conflict", 1, 1.0)]).into_iter().find(|check| !check.fine).expect("one in conflict");
        assert!(
            conflict.help.expect("an advice").contains("`statehouse held discard message:ID --evidence …`"),
            "replay does nothing for it"
        );
        assert_eq!(wrong(&[queue("timer", "due", 1, 7200.0)]), [("timers", "1 due, the oldest for 2 h".to_owned())]);
    }
}
