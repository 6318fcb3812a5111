//! Two snapshots in, a plan out.

use std::collections::BTreeSet;

use super::fate::Fate;
use super::mapping::{Counts, Mapping, StateChange};
use super::step::{Action, Draft, FORMAT_VERSION, Finding, Phase, Plan};
use super::{Facts, Kind, ObjectId, Snapshot, foreign, order, partitions, rename, states, write};

/// Everything a plan is made from.
pub struct Request<'a> {
    /// The database as it is.
    pub live: &'a Snapshot,
    /// The scratch database made from the definition, with [`Snapshot::expect_roles`].
    pub desired: &'a Snapshot,
    /// The live snapshot as it was after the last apply; tells drift from change, and ours from foreign.
    pub stored: Option<&'a Snapshot>,
    /// The compiler's own text, for objects that facts alone cannot make.
    pub compiled_sql: &'a dyn Fn(&ObjectId) -> Option<String>,
    /// States before and after, by entity.
    pub changes: &'a [StateChange],
    /// Where records of removed states go.
    pub mapping: &'a Mapping,
    /// What was counted.
    pub counts: &'a Counts,
}

/// The plan where no state is removed and nothing was counted: every table may hold rows.
#[must_use]
pub fn diff(live: &Snapshot, desired: &Snapshot, compiled_sql: &dyn Fn(&ObjectId) -> Option<String>, stored: Option<&Snapshot>) -> Plan {
    let (mapping, counts) = (Mapping::default(), Counts::default());
    plan(&Request { live, desired, stored, compiled_sql, changes: &[], mapping: &mapping, counts: &counts })
}

/// The whole plan.
#[must_use]
pub fn plan(request: &Request<'_>) -> Plan {
    let mut live = request.live.clone();
    let mut drafts = rename::repair(&mut live, request.desired, request.stored);
    let desired = partitions::expected(&live, request.desired);
    let fate = Fate::decide(&live, &desired, request.stored);
    let work = Work { request, live: &live, desired: &desired, fate: &fate };
    let mut findings = Vec::new();
    let mut mapped = BTreeSet::new();
    for change in request.changes {
        if let Some(moves) = states::steps(change, request.mapping, request.counts, &live, &desired) {
            mapped.insert(moves.constraint);
            drafts.extend(moves.drafts);
            findings.extend(moves.findings);
        }
    }
    drafts.extend(work.drops());
    for (id, want) in desired.objects.iter().filter(|(id, _)| !mapped.contains(id)) {
        match live.get(id) {
            Some(facts) if !fate.gone(id) => drafts.extend(work.alter(id, facts, want)),
            there => drafts.extend(work.create(id, want, there.is_some())),
        }
    }
    drafts.extend(work.strangers());
    let (foreign_findings, unmanaged) = foreign::report(&live, &desired, request.stored);
    findings.extend(foreign_findings);
    finish(request.live, order::sort(drafts, &live), findings, unmanaged)
}

fn finish(live: &Snapshot, drafts: Vec<Draft>, mut findings: Vec<Finding>, unmanaged: Vec<super::Unmanaged>) -> Plan {
    let width = drafts.len().to_string().len().max(2);
    let mut steps = Vec::with_capacity(drafts.len());
    for (at, mut draft) in drafts.into_iter().enumerate() {
        let action = format!("{:?}", draft.step.action).to_lowercase();
        draft.step.id = format!("{:0width$} {action} {}", at + 1, draft.step.object);
        if let Some(why) = &draft.step.blocked {
            findings.push(Finding {
                code: "SH3055".into(),
                object: draft.step.object.clone(),
                message: format!("{}: {why}", draft.step.object),
                help: "change the definition or the database, then plan again".into(),
                refuses: true,
            });
        }
        steps.push(draft.step);
    }
    Plan { format_version: FORMAT_VERSION, fingerprint: live.fingerprint(), steps, findings, unmanaged }
}

/// What the halves of the comparison share: this file makes and alters, `removal` takes away.
pub(super) struct Work<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) live: &'a Snapshot,
    pub(super) desired: &'a Snapshot,
    pub(super) fate: &'a Fate,
}

/// Facts whose statements are written apart from the object's own.
const APART: [&str; 4] = ["grants", "column_grants", "comment", "column_comments"];

impl Work<'_> {
    fn create(&self, id: &ObjectId, want: &Facts, again: bool) -> Vec<Draft> {
        let fresh = self.live.get(&id.relation(Kind::Table)).is_none() && id.kind.inside_relation();
        if id.kind == Kind::Column && fresh {
            return vec![];
        }
        let mut drafts = match id.kind {
            Kind::Table => vec![self.table(id, want)],
            Kind::Partition => vec![write::create_partition(id, want)],
            _ => write::create(id, want, fresh, self.request.counts).unwrap_or_else(|| self.compiled(id, want)),
        };
        let mut after = self.grants(id, None, want);
        after.extend(write::comment(id, None, want));
        if drafts.is_empty() && !after.is_empty() {
            drafts.push(Draft::new(Phase::Grant, Action::Create, id, "the grants are missing", vec![]));
        }
        if let Some(last) = drafts.last_mut().filter(|last| last.step.blocked.is_none()) {
            last.step.sql.extend(after);
        }
        for draft in &mut drafts {
            draft.step.drift = if again { self.drifted(id) } else { self.request.stored.is_some_and(|stored| stored.get(id).is_some()) };
            if let Some(reason) = self.fate.anew.get(id) {
                draft.step.reason.clone_from(reason);
                draft.step.action = Action::Replace;
            }
        }
        drafts
    }

    fn table(&self, id: &ObjectId, want: &Facts) -> Draft {
        let own = |other: &ObjectId| other.kind == Kind::Column && (&other.schema, &other.name) == (&id.schema, &id.name);
        let columns: Vec<(ObjectId, Facts)> =
            self.desired.objects.iter().filter(|(other, _)| own(other)).map(|(id, facts)| (id.clone(), facts.clone())).collect();
        let mut draft = write::create_table(id, want, &columns);
        for (column, facts) in &columns {
            draft.step.sql.extend(self.grants(column, None, facts));
            draft.step.sql.extend(write::comment(column, None, facts));
        }
        draft
    }

    fn compiled(&self, id: &ObjectId, want: &Facts) -> Vec<Draft> {
        let draft =
            Draft::new(Phase::Security, Action::Create, id, format!("the {} is missing", id.kind.word()), vec![]).makes(want.needs());
        match (self.request.compiled_sql)(id) {
            Some(sql) => {
                let mut draft = draft;
                draft.step.sql.push(sql);
                vec![draft]
            }
            None => vec![draft.blocked("no statement is known that makes it")],
        }
    }

    fn alter(&self, id: &ObjectId, live: &Facts, want: &Facts) -> Vec<Draft> {
        let mut facts = live.differing(want);
        let apart: BTreeSet<String> = APART.iter().filter_map(|fact| facts.take(*fact)).collect();
        let mut drafts = Vec::new();
        if !facts.is_empty() {
            let change = write::Change { id, live, want, facts, counts: self.request.counts };
            drafts = write::alter(&change);
            if change.differs("internal_off") {
                self.keep_switches(id, &mut drafts);
            }
            // These are dropped and made again, which forgets the comment.
            let forgets = matches!(id.kind, Kind::Constraint | Kind::Index | Kind::Trigger | Kind::Policy | Kind::Rule)
                && change.facts.iter().any(|fact| !matches!(fact.as_str(), "enabled" | "validated"));
            if let Some(first) = drafts.first_mut().filter(|_| forgets) {
                first.step.sql.extend(write::comment(id, None, want));
            }
            self.mark(id, live, &change.facts, &mut drafts);
            if let Some(user) = self.fate.in_the_way.get(id) {
                let why = format!("{user} stands on it and is not dropped by a plan; drop it first");
                drafts = drafts.into_iter().map(|draft| draft.blocked(why.clone())).collect();
            }
        }
        let mut rest = Vec::new();
        let sql = self.grants(id, Some(live), want);
        if !sql.is_empty() {
            rest.push(Draft::new(Phase::Grant, Action::Alter, id, "grants differ", sql));
        }
        let sql = write::comment(id, Some(live), want);
        if !sql.is_empty() && apart.iter().any(|fact| fact.ends_with("comment") || fact.ends_with("comments")) {
            rest.push(Draft::new(Phase::Comment, Action::Alter, id, "the comment differs", sql));
        }
        self.mark(id, live, &apart, &mut rest);
        drafts.extend(rest);
        drafts
    }

    fn grants(&self, id: &ObjectId, live: Option<&Facts>, want: &Facts) -> Vec<String> {
        if !want.0.contains_key("grants") {
            return vec![];
        }
        let owner = if id.kind == Kind::Column {
            self.desired.get(&id.relation(Kind::Table)).map(|table| table.get("owner").clone())
        } else {
            None
        };
        let mut want = want.clone();
        if let Some(owner) = owner {
            want.0.insert("owner".into(), owner);
        }
        write::grants(id, live, &want)
    }

    /// `enable trigger all` also enables what is meant to be otherwise.
    fn keep_switches(&self, id: &ObjectId, drafts: &mut [Draft]) {
        let of = |other: &ObjectId| other.kind == Kind::Trigger && (&other.schema, &other.name) == (&id.schema, &id.name);
        let others = self.desired.objects.iter().filter(|(other, facts)| of(other) && facts.text("enabled") != "O");
        let sql: Vec<String> =
            others.map(|(other, facts)| write::logic::switch_trigger(other, &other.part, &facts.text("enabled"))).collect();
        if let Some(draft) = drafts.iter_mut().find(|draft| draft.step.sql.iter().any(|sql| sql.ends_with("enable trigger all"))) {
            draft.step.sql.extend(sql);
        }
    }

    /// Whether what differs from the definition also differs from the last apply.
    pub(super) fn drifted(&self, id: &ObjectId) -> bool {
        let (Some(live), Some(want)) = (self.live.get(id), self.desired.get(id)) else {
            return false;
        };
        let before = self.request.stored.and_then(|stored| stored.get(id));
        before.is_some_and(|before| live.differing(want).iter().any(|fact| before.get(fact) != live.get(fact)))
    }

    /// Drift: the live object is no longer what it was after the last apply.
    fn mark(&self, id: &ObjectId, live: &Facts, facts: &BTreeSet<String>, drafts: &mut [Draft]) {
        let Some(before) = self.request.stored.and_then(|stored| stored.get(id)) else {
            return;
        };
        let drift = facts.iter().any(|fact| before.get(fact) != live.get(fact));
        drafts.iter_mut().for_each(|draft| draft.step.drift |= drift);
    }
}
