//! What somebody may know of an app and do in it, as the law of the database has it.

use std::collections::BTreeSet;

use statehouse_definition::App;
use statehouse_definition::model::{Access, Actor, Child, Edit, Entity, Field, RuleValue, See, Through, Transition};

/// For whom a document is written: a role and the capabilities held.
#[derive(Clone, Debug)]
pub struct Viewer<'a> {
    /// The definition.
    pub app: &'a App,
    /// One of its roles.
    pub role: &'a str,
    capabilities: BTreeSet<&'a str>,
}

/// What a viewer may know of one entity.
#[derive(Clone, Debug)]
pub struct Sight<'a> {
    viewer: &'a Viewer<'a>,
    /// The entity.
    pub entity: &'a Entity,
    own: &'a Access,
}

impl<'a> Viewer<'a> {
    /// A role with the capabilities of its preset; `None` where the app has no such role.
    pub fn of_role(app: &'a App, role: &'a str) -> Option<Viewer<'a>> {
        let preset = app.roles.get(role)?;
        Some(Viewer { app, role, capabilities: preset.capabilities.iter().map(String::as_str).collect() })
    }

    /// The same with exactly these capabilities: preset, extra and revoked already told apart.
    pub fn with_capabilities(mut self, held: impl IntoIterator<Item = &'a str>) -> Viewer<'a> {
        self.capabilities = held.into_iter().collect();
        self
    }

    /// Whether the capability is held.
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// The entities of which the role has a view, in the order of the app.
    pub fn entities(&'a self) -> impl Iterator<Item = Sight<'a>> {
        self.app.entities.values().filter_map(move |entity| self.sight(entity))
    }

    fn sight(&'a self, entity: &'a Entity) -> Option<Sight<'a>> {
        let own = entity.access.get(self.role).filter(|own| !own.capability && !matches!(own.see, See::Nothing))?;
        Some(Sight { viewer: self, entity, own })
    }
}

impl<'a> Sight<'a> {
    /// Whether it is a role of members; who holds a link moves one record at a time.
    pub fn is_of_members(&self) -> bool {
        self.viewer.app.roles.get(self.viewer.role).is_none_or(|role| role.by == Through::Membership)
    }

    /// Fields that are not hidden, in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a Field)> {
        let own = self.own;
        self.entity.fields.iter().map(|(name, field)| (name.as_str(), field)).filter(move |(name, _)| !hides(own, name))
    }

    /// Children that are not hidden.
    pub fn children(&self) -> impl Iterator<Item = (&'a str, &'a Child)> {
        let own = self.own;
        self.entity.children.iter().map(|(name, child)| (name.as_str(), child)).filter(move |(name, _)| !hides(own, name))
    }

    /// Fields of a child that are not hidden.
    pub fn child_fields(&self, name: &str, child: &'a Child) -> impl Iterator<Item = (&'a str, &'a Field)> {
        let own = self.own;
        let prefix = format!("{name}.");
        child.fields.iter().map(|(name, field)| (name.as_str(), field)).filter(move |(name, _)| !hides(own, &format!("{prefix}{name}")))
    }

    /// Whether some field of the child is hidden or masked; then how its prices came about is too.
    pub fn hides_some(&self, child: &str) -> bool {
        let prefix = format!("{child}.");
        self.own.hide.iter().chain(self.own.hide_in.values().flatten()).any(|path| path.starts_with(&prefix))
    }

    /// Whether a column reads as null in some state, whatever it holds.
    pub fn masked(&self, path: &str) -> bool {
        self.own.hide_in.values().flatten().any(|masked| masked == path)
    }

    /// Whether a new record may be made.
    pub fn creates(&self) -> bool {
        self.entries().any(|entry| entry.create)
    }

    /// Fields a new record may be given, with whether it must be.
    pub fn given_at_birth(&self) -> Vec<(&'a str, &'a Field, bool)> {
        let fields = self
            .fields()
            .filter(|(name, field)| field.derived.is_none() && self.entries().any(|e| e.create && self.at_birth(e, name, field)));
        fields.map(|(name, field)| (name, field, field.required && field.default.is_none() && !self.filled_by_rule(name))).collect()
    }

    /// Children that a new record may be given.
    pub fn children_at_birth(&self) -> Vec<(&'a str, &'a Child)> {
        let initial = self.initial();
        let may = |name: &str| self.entries().any(|entry| edits_in(&entry.edit, initial, name));
        self.children().filter(|(name, _)| self.creates() && may(name)).collect()
    }

    /// Fields that may be edited in some state.
    pub fn edited(&self) -> Vec<(&'a str, &'a Field)> {
        self.fields().filter(|(name, field)| field.derived.is_none() && self.edits(name)).collect()
    }

    /// Whether rows of the child may be added, changed and taken away in some state.
    pub fn edits(&self, name: &str) -> bool {
        self.entries().any(|entry| match &entry.edit {
            Edit::Nothing => false,
            Edit::All => true,
            Edit::ByState(states) => states.values().flatten().any(|one| one == name),
        })
    }

    /// Verbs that may be fired, in the order of the file.
    pub fn verbs(&self) -> impl Iterator<Item = (&'a str, &'a Transition)> {
        let viewer = self.viewer;
        let mine = move |actor: &Actor| match actor {
            Actor::Role(role) => role == viewer.role,
            Actor::Capability(key) => viewer.can(key),
            Actor::Kind(_) => false,
        };
        self.entity.transitions.iter().filter(move |(_, one)| one.by.iter().any(mine)).map(|(name, one)| (name.as_str(), one))
    }

    /// The state in which records begin.
    pub fn initial(&self) -> &'a str {
        self.entity.states.iter().find(|(_, state)| state.initial).map_or("", |(name, _)| name)
    }

    /// Its own entry, and those of the capabilities held.
    fn entries(&self) -> impl Iterator<Item = &'a Access> {
        let viewer = self.viewer;
        let held = self.entity.access.iter().filter(move |(key, entry)| entry.capability && viewer.can(key)).map(|(_, entry)| entry);
        std::iter::once(self.own).chain(held)
    }

    fn at_birth(&self, entry: &Access, name: &str, field: &Field) -> bool {
        let of_rule = matches!(&entry.see, See::Rule(rule) if rule.field == name);
        edits_in(&entry.edit, self.initial(), name) || of_rule || field.required && field.default.is_none()
    }

    /// The engine fills in who creates: `rep = actor()`.
    fn filled_by_rule(&self, name: &str) -> bool {
        matches!(&self.own.see, See::Rule(rule) if rule.field == name && rule.with == RuleValue::Actor)
    }
}

fn hides(own: &Access, path: &str) -> bool {
    own.hide.iter().any(|hidden| hidden == path)
}

fn edits_in(edit: &Edit, state: &str, name: &str) -> bool {
    match edit {
        Edit::Nothing => false,
        Edit::All => true,
        Edit::ByState(states) => states.get(state).is_some_and(|names| names.iter().any(|one| one == name)),
    }
}
