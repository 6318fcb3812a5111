//! A plan as a person reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::step::{Action, Class, Plan, Step};
use super::{Kind, ObjectId};

/// The plan, object by object, then what it adds up to and what to type next.
#[must_use]
pub fn render(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = body(plan, &mut text);
    text
}

fn body(plan: &Plan, text: &mut String) -> std::fmt::Result {
    let mut groups: BTreeMap<(u8, String), Vec<&Step>> = BTreeMap::new();
    for step in &plan.steps {
        groups.entry(group(&step.object)).or_default().push(step);
    }
    for ((_, name), steps) in &groups {
        writeln!(text, "{name}")?;
        let renewed: BTreeSet<&ObjectId> = steps.iter().filter(|step| step.action == Action::Replace).map(|step| &step.object).collect();
        for step in steps.iter().filter(|step| step.action != Action::Drop || !renewed.contains(&step.object)) {
            line(step, text)?;
        }
    }
    if !plan.unmanaged.is_empty() {
        writeln!(text, "not ours, left alone")?;
        for item in &plan.unmanaged {
            let symbol = if item.harmful { '!' } else { ' ' };
            writeln!(text, "  {symbol} {:<44} {}", item.object.to_string(), item.note)?;
        }
    }
    for finding in &plan.findings {
        let word = if finding.refuses { "error" } else { "note" };
        writeln!(text, "{word}[{}]: {}\n  = help: {}", finding.code, finding.message, finding.help)?;
    }
    summary(plan, text)
}

fn group(id: &ObjectId) -> (u8, String) {
    match id.kind {
        Kind::Role | Kind::Membership => (0, "roles".into()),
        Kind::Database | Kind::Publication | Kind::EventTrigger => (4, "database".into()),
        Kind::Schema | Kind::DefaultGrant => (1, format!("schema {}", if id.schema.is_empty() { "of any name" } else { &id.schema })),
        Kind::Function => (3, format!("functions of {}", id.schema)),
        _ => (2, format!("{}.{}", id.schema, id.name)),
    }
}

fn line(step: &Step, text: &mut String) -> std::fmt::Result {
    let symbol = match step.action {
        _ if step.drift => '!',
        Action::Create => '+',
        Action::Drop => '-',
        Action::Alter | Action::Replace | Action::Rename | Action::Migrate => '~',
    };
    let name = match step.object.kind {
        Kind::Function => format!("{}({})", step.object.name, step.object.part),
        Kind::Database => "this one".into(),
        Kind::Membership => format!("{} in {}", step.object.part, step.object.name),
        kind if kind.inside_relation() => step.object.part.clone(),
        _ => step.object.name.clone(),
    };
    write!(text, "  {symbol} {:<13} {name:<28} {}", step.object.kind.word().replace('_', " "), step.reason)?;
    match step.class {
        _ if step.blocked.is_some() => write!(text, " · BLOCKED")?,
        Class::Destructive => write!(text, " · DESTRUCTIVE")?,
        Class::Rewrites | Class::Locks => write!(text, " · {}", step.class.word())?,
        Class::Safe => {}
    }
    if !step.lock.is_empty() {
        write!(text, " · {}", step.lock)?;
    }
    writeln!(text, "{}", if step.drift { " · DRIFT, will be restored" } else { "" })?;
    let moves = step.migration.iter().flat_map(|migration| &migration.moves);
    for one in moves {
        for branch in &one.branches {
            let when = branch.when.as_ref().map(|when| format!(" when {when}")).unwrap_or_default();
            writeln!(text, "      {} ({} records) → {}{when}", one.from, one.rows, branch.to)?;
        }
    }
    Ok(())
}

fn summary(plan: &Plan, text: &mut String) -> std::fmt::Result {
    if plan.is_empty() {
        let next = if plan.findings.is_empty() { "" } else { ", but apply will not run until the errors above are gone" };
        return writeln!(text, "no changes{next}");
    }
    let mut actions: BTreeMap<&ObjectId, BTreeSet<Word>> = BTreeMap::new();
    for step in &plan.steps {
        actions.entry(&step.object).or_default().insert(Word::of(step.action));
    }
    let count = |word: Word| actions.values().filter(|words| Word::sum(words) == word).count();
    let drift = plan.steps.iter().filter(|step| step.drift).map(|step| &step.object).collect::<BTreeSet<_>>().len();
    writeln!(text)?;
    write!(text, "Plan: {} to add, {} to change, {} to remove", count(Word::Add), count(Word::Change), count(Word::Remove))?;
    if plan.has_drift() {
        write!(text, ", {drift} drift")?;
    }
    writeln!(text, ".   Risk: {}", plan.risk().word())?;
    let names: Vec<&str> = plan.steps.iter().filter_map(|step| step.allow.as_deref()).collect();
    if !names.is_empty() {
        let needs = if names.len() == 1 { "1 step needs".into() } else { format!("{} steps need", names.len()) };
        let flags: Vec<String> = names.iter().map(|name| format!("--allow-destroy {name}")).collect();
        writeln!(text, "{needs} {}", flags.join(" "))?;
    }
    writeln!(text, "Valid while the schema is {}", &plan.fingerprint[..8])?;
    if plan.findings.iter().any(|finding| finding.refuses) {
        return writeln!(text, "Next: clear the errors above, then `statehouse plan` again");
    }
    let flags: String = names.iter().map(|name| format!(" --allow-destroy {name}")).collect();
    writeln!(text, "Next: `statehouse apply{flags}`")
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Add,
    Change,
    Remove,
}

impl Word {
    fn of(action: Action) -> Self {
        match action {
            Action::Create => Self::Add,
            Action::Drop => Self::Remove,
            _ => Self::Change,
        }
    }

    /// Dropped and made again is a change; added and then completed is an addition.
    fn sum(words: &BTreeSet<Self>) -> Self {
        match () {
            () if words.contains(&Self::Add) && !words.contains(&Self::Remove) => Self::Add,
            () if words.len() == 1 && words.contains(&Self::Remove) => Self::Remove,
            () => Self::Change,
        }
    }
}
