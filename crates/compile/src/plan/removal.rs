//! What is taken away: before the making, or after everything else.

use super::compare::Work;
use super::step::{Action, Class, Draft, Phase};
use super::{Facts, Kind, ObjectId, write};

impl Work<'_> {
    pub(super) fn drops(&self) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for (id, reason) in &self.fate.anew {
            // A trigger or rule of a view goes with the view.
            let with_relation = id.kind.inside_relation() && self.fate.gone(&id.relation(Kind::View));
            if let Some(facts) = self.live.get(id).filter(|_| !with_relation) {
                let mut draft = Draft::new(Phase::Drop, Action::Drop, id, reason.clone(), vec![write::drop_sql(id, facts)]);
                draft.step.drift = self.drifted(id);
                drafts.push(draft);
            }
        }
        for id in &self.fate.removed {
            let goes_along = self.goes_along(id);
            if let Some(facts) = self.live.get(id).filter(|_| !goes_along && id.kind != Kind::DefaultGrant) {
                drafts.push(self.removal(id, facts));
            }
        }
        for draft in &mut drafts {
            if let Some(user) = self.fate.in_the_way.get(&draft.step.object) {
                let why = format!("{user} stands on it and is not dropped by a plan; drop it first");
                *draft = draft.clone().blocked(why);
            }
        }
        drafts
    }

    /// Needs no statement: it is dropped with its table, view or column. What ties a table to other removed things is
    /// untied first all the same, since tables, functions over their rows and checks may stand on each other in a circle.
    fn goes_along(&self, id: &ObjectId) -> bool {
        let removed = |id: &ObjectId| self.fate.removed.contains(id);
        let Some(facts) = self.live.get(id) else {
            return true;
        };
        if id.kind == Kind::Sequence {
            let owner = facts.list("owned_by");
            return owner.len() == 3
                && (removed(&ObjectId::new(Kind::Table, &owner[0], &owner[1], ""))
                    || removed(&ObjectId::new(Kind::Column, &owner[0], &owner[1], &owner[2])));
        }
        let elsewhere = |need: &ObjectId| removed(need) && (&need.schema, &need.name) != (&id.schema, &id.name) && need.kind != Kind::Table;
        let tied = matches!(id.kind, Kind::Constraint | Kind::Policy | Kind::Trigger) && facts.needs().iter().any(elsewhere);
        id.kind.inside_relation() && !tied && [Kind::Table, Kind::View].iter().any(|kind| removed(&id.relation(*kind)))
    }

    /// What opens access goes first, what holds data goes last.
    fn removal(&self, id: &ObjectId, facts: &Facts) -> Draft {
        let early = matches!(id.kind, Kind::View | Kind::Trigger | Kind::Policy | Kind::Rule | Kind::Constraint | Kind::Membership);
        let phase = if early { Phase::Drop } else { Phase::Contract };
        let mut draft = Draft::new(phase, Action::Drop, id, "no longer in the definition", vec![write::drop_sql(id, facts)]);
        if id.kind.inside_relation() || matches!(id.kind, Kind::Table | Kind::View) {
            draft = draft.lock(format!("access exclusive on {}.{}, no scan", id.schema, id.name));
        }
        let empty = self.request.counts.table(&id.schema, &id.name) == Some(0);
        let keeps = matches!(id.kind, Kind::Table | Kind::Sequence) || (id.kind == Kind::Column && facts.text("generated").is_empty());
        if keeps && !empty { draft.destroys() } else { draft }
    }

    /// A role of ours that somebody put into a group: the group is taken away again, wherever it came from.
    pub(super) fn strangers(&self) -> Vec<Draft> {
        let ours = |id: &ObjectId| self.desired.get(&ObjectId::new(Kind::Role, "", &id.part, "")).is_some();
        let surplus =
            |id: &ObjectId| id.kind == Kind::Membership && ours(id) && self.desired.get(id).is_none() && !self.fate.removed.contains(id);
        let found = self.live.objects.iter().filter(|(id, _)| surplus(id));
        found
            .map(|(id, facts)| {
                let reason = format!("`{}` must not be a member of `{}`", id.part, id.name);
                let mut draft = Draft::new(Phase::Role, Action::Drop, id, reason, vec![write::drop_sql(id, facts)]).class(Class::Safe);
                draft.step.drift = self.request.stored.is_some();
                draft
            })
            .collect()
    }
}
