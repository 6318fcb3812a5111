//! What a state waits for: entering it arms a timer, leaving it (or moving its deadline) disarms it.

use std::fmt::Write as _;

use statehouse_definition::model::Wait;

use crate::entity::cx::Cx;
use crate::sql::{ident, indent, list, literal, one_of};

/// Timer rows for the states that ask for one.
pub(super) fn arm(cx: &Cx<'_>) -> String {
    let mut body = String::new();
    for (state, s) in &cx.entity.states {
        let (verb, due, armed) = match &s.wait {
            Wait::Within { span, verb: Some(verb) } => (verb, format!("new.entered_at + interval '{span}'"), String::new()),
            Wait::Until { field, verb: Some(verb) } => {
                let field = ident(field);
                (verb, format!("new.{field}"), format!(" and new.{field} is not null"))
            }
            _ => continue,
        };
        let _ = writeln!(
            body,
            "if new.state = {}{armed} then\n  insert into statehouse.timer (tenant, record, verb, entity, seq, due_at)\n  values (new.tenant, new.id, {}, {}, new.version, {due});\nend if;",
            literal(state),
            literal(verb),
            literal(&cx.qualified())
        );
    }
    body
}

/// The same after a move.
pub(super) fn rearm(cx: &Cx<'_>) -> String {
    let timed = timed(cx);
    if timed.is_empty() {
        return String::new();
    }
    let mut body = String::from("-- timers\n");
    let reminders = reminders(cx);
    if !reminders.is_empty() {
        let _ = writeln!(
            body,
            "if {} then\n  delete from statehouse.timer t where t.tenant = new.tenant and t.record = new.id and t.verb = new.verb;   -- it rang\nend if;",
            one_of("new.verb", &reminders)
        );
    }
    let _ = writeln!(
        body,
        "if {} then\n  if old.state in {} then\n    delete from statehouse.timer t where t.tenant = new.tenant and t.record = new.id;\n  end if;\n{}end if;",
        changed(cx).join(" or "),
        list(&timed),
        indent(&arm(cx), 2)
    );
    body
}

fn timed(cx: &Cx<'_>) -> Vec<String> {
    let waits = |wait: &Wait| matches!(wait, Wait::Within { verb: Some(_), .. } | Wait::Until { verb: Some(_), .. });
    cx.entity.states.iter().filter(|(_, s)| waits(&s.wait)).map(|(n, _)| n.clone()).collect()
}

/// Another state, or another deadline of this one.
fn changed(cx: &Cx<'_>) -> Vec<String> {
    let mut changed = vec!["new.state <> old.state".to_owned()];
    for s in cx.entity.states.values() {
        if let Wait::Until { field, verb: Some(_) } = &s.wait {
            changed.push(format!("new.{0} is distinct from old.{0}", ident(field)));
        }
    }
    changed
}

/// Verbs that ring and stay: leaving the state does not disarm them, so firing does.
fn reminders(cx: &Cx<'_>) -> Vec<String> {
    let stays = |verb: &&String| cx.entity.transitions.get(*verb).is_some_and(|t| t.to.is_none());
    let within = cx.entity.states.values().filter_map(|s| match &s.wait {
        Wait::Within { verb, .. } => verb.as_ref(),
        _ => None,
    });
    within.filter(stays).cloned().collect()
}
