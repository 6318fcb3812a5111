//! Records that stand in a state the new definition no longer has: widen, switch, move, narrow.

use serde_json::json;

use super::mapping::{Branch, Mapping, StateChange};
use super::step::{Action, BATCH_ROWS, Draft, Finding, Migration, Move, Phase};
use super::write::constraint;
use super::{Counts, Kind, ObjectId, Snapshot, ident, literal};

/// The steps of one entity, and what is missing from the mapping.
pub(super) struct Moves {
    /// The CHECK they take care of.
    pub(super) constraint: ObjectId,
    pub(super) drafts: Vec<Draft>,
    pub(super) findings: Vec<Finding>,
}

/// None when no state is removed, or the table is still to be made.
pub(super) fn steps(change: &StateChange, mapping: &Mapping, counts: &Counts, live: &Snapshot, desired: &Snapshot) -> Option<Moves> {
    let id = ObjectId::new(Kind::Constraint, &change.schema, &change.table, &change.constraint);
    let want = desired.get(&id)?;
    let removed = change.removed();
    if removed.is_empty() || live.get(&id).is_none_or(|live| live.get("def") == want.get("def")) {
        return None;
    }
    let moves: Vec<Move> = removed.iter().map(|from| one(change, mapping, counts, from)).collect();
    let findings = findings(change, &id, &moves);
    let mut drafts = widen(change, &id, want.clone());
    let table = id.relation(Kind::Table);
    let rows: u64 = moves.iter().map(|step| step.rows).sum();
    let moves: Vec<Move> = moves.into_iter().filter(|step| !step.branches.is_empty()).collect();
    if !moves.is_empty() {
        let names: Vec<String> = moves.iter().map(|step| format!("`{}`", step.from)).collect();
        let mut draft =
            Draft::new(Phase::Migrate, Action::Migrate, &table, format!("{rows} records leave {}", names.join(", ")), vec![]).alone();
        draft = draft.lock(format!("row locks on {}.{}, at most {BATCH_ROWS} at a time", change.schema, change.table));
        let (entity, schema) = (change.entity.clone(), change.schema.clone());
        draft.step.migration = Some(Migration { entity, schema, table: change.table.clone(), moves, batch: BATCH_ROWS });
        drafts.push(draft);
    }
    drafts.extend(narrow(&id, want));
    Some(Moves { constraint: id, drafts, findings })
}

fn one(change: &StateChange, mapping: &Mapping, counts: &Counts, from: &str) -> Move {
    let told = mapping.0.get(&change.entity).and_then(|states| states.get(from)).map(super::mapping::Target::branches);
    let renamed = || change.renamed.get(from).map(|to| vec![Branch { when: None, to: to.clone() }]);
    Move { from: from.into(), rows: counts.state(&change.entity, from), branches: told.or_else(renamed).unwrap_or_default() }
}

fn findings(change: &StateChange, id: &ObjectId, moves: &[Move]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut add = |message: String, help: String| {
        found.push(Finding { code: "SH3052".into(), object: id.relation(Kind::Table), message, help, refuses: true });
    };
    let stranded: Vec<&Move> = moves.iter().filter(|step| step.branches.is_empty() && step.rows > 0).collect();
    if !stranded.is_empty() {
        let list: Vec<String> = stranded.iter().map(|step| format!("{} in `{}`", step.rows, step.from)).collect();
        let entries: Vec<String> = stranded.iter().map(|step| format!("{}: {{ to: … }}", step.from)).collect();
        add(
            format!("records of `{}` stand in removed states: {}", change.entity, list.join(", ")),
            format!("say where they go in the mapping file: `{}: {{ {} }}`", change.entity, entries.join(", ")),
        );
    }
    for step in moves.iter().filter(|step| !step.branches.is_empty()) {
        for branch in step.branches.iter().filter(|branch| !change.after.contains(&branch.to)) {
            add(
                format!("the mapping sends `{}` to `{}`, which is no state of `{}`", step.from, branch.to, change.entity),
                format!("choose one of {}", change.after.join(", ")),
            );
        }
        if step.branches.last().is_none_or(|branch| branch.when.is_some()) {
            add(
                format!("the split of `{}` leaves out records that meet no condition", step.from),
                "end it with a branch without `when`".into(),
            );
        }
    }
    found
}

/// Old and new states side by side, so that the old law and the new one both can write.
fn widen(change: &StateChange, id: &ObjectId, mut want: super::Facts) -> Vec<Draft> {
    let mut states: Vec<&String> = change.before.iter().collect();
    states.extend(change.after.iter().filter(|state| !change.before.contains(state)));
    let list: Vec<String> = states.iter().map(|state| literal(state)).collect();
    want.0.insert("def".into(), json!(format!("CHECK (state in ({}))", list.join(", "))));
    let first = format!("drop constraint {}, ", ident(&id.part));
    let mut drafts = constraint::add(id, &want, false, Action::Alter, "old and new states side by side", &first);
    // Before the functions, in whose transaction it runs.
    drafts[0].phase = Phase::Column;
    drafts[0].provides.clear();
    drafts
}

fn narrow(id: &ObjectId, want: &super::Facts) -> Vec<Draft> {
    let first = format!("drop constraint {}, ", ident(&id.part));
    let mut drafts = constraint::add(id, want, false, Action::Alter, "only the new states", &first);
    drafts[0].phase = Phase::Contract;
    if let Some(comment) = want.option("comment") {
        drafts[0].step.sql.push(format!("comment on constraint {} on {} is {}", ident(&id.part), id.sql(), literal(comment)));
    }
    for draft in drafts.iter_mut().skip(1) {
        draft.phase = Phase::Prove;
    }
    drafts
}
