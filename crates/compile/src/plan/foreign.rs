//! What is there and not ours: said, and left alone.

use super::step::{Finding, Unmanaged};
use super::{Facts, Kind, ObjectId, Snapshot};

/// Findings that stop `apply`, and everything else that is foreign.
pub(super) fn report(live: &Snapshot, desired: &Snapshot, stored: Option<&Snapshot>) -> (Vec<Finding>, Vec<Unmanaged>) {
    let mut findings = Vec::new();
    let mut unmanaged = Vec::new();
    for (id, facts) in &live.objects {
        let known = stored.is_some_and(|stored| stored.get(id).is_some()) && id.kind != Kind::Role;
        if known || desired.get(id).is_some() || inside_foreign(id, live, desired) || repaired(id, desired) {
            continue;
        }
        if id.kind == Kind::Trigger && facts.flag("_before") && on_table(id, live) {
            findings.push(before_trigger(id, facts));
        }
        let (note, harmful) = note(id, facts);
        unmanaged.push(Unmanaged { object: id.clone(), note, harmful });
    }
    (findings, unmanaged)
}

fn before_trigger(id: &ObjectId, facts: &Facts) -> Finding {
    Finding {
        code: "SH3054".into(),
        object: id.clone(),
        message: format!(
            "trigger `{}` on `{}.{}` runs before the law and calls `{}`",
            id.part,
            id.schema,
            id.name,
            facts.text("_function")
        ),
        help: format!("{}, or put its work into a transition", super::write::drop_sql(id, facts)),
        refuses: true,
    }
}

/// The relation it lives in is foreign itself, and named once.
fn inside_foreign(id: &ObjectId, live: &Snapshot, desired: &Snapshot) -> bool {
    let relation = |kind| live.get(&id.relation(kind)).is_some() && desired.get(&id.relation(kind)).is_none();
    id.kind.inside_relation() && (relation(Kind::Table) || relation(Kind::View)) || id.kind == Kind::Partition
}

fn repaired(id: &ObjectId, desired: &Snapshot) -> bool {
    id.kind == Kind::Membership && desired.get(&ObjectId::new(Kind::Role, "", &id.part, "")).is_some()
}

fn on_table(id: &ObjectId, live: &Snapshot) -> bool {
    [Kind::Table, Kind::Partition].iter().any(|kind| live.get(&id.relation(*kind)).is_some())
}

fn note(id: &ObjectId, facts: &Facts) -> (String, bool) {
    match id.kind {
        Kind::Trigger => ("runs on our table, whoever writes".into(), true),
        Kind::Rule => ("rewrites statements on our table".into(), true),
        Kind::Policy if facts.flag("permissive") => ("opens rows that our policies keep closed".into(), true),
        Kind::Policy => ("closes rows that our policies open".into(), false),
        Kind::Membership => (format!("`{}` holds the rights of `{}`", id.part, id.name), true),
        Kind::DefaultGrant => ("grants on whatever is made next".into(), true),
        Kind::Publication => ("sends our rows elsewhere, past row security".into(), true),
        Kind::EventTrigger => ("runs on every change of the schema".into(), true),
        Kind::Role => ("no longer in the definition; drop it when no database needs it".into(), false),
        kind => (format!("{} is not in the definition", kind.word().replace('_', " ")), false),
    }
}
