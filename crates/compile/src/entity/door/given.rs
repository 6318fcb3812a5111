//! Refs that a person hands in: each must name a record that the person sees. Guards and prices run as the owner and see
//! the whole tenant, so a ref out of sight would be judged, priced and answered for; it is refused before any of that,
//! in the same words as one that names nothing. A file that a person hands in must be one that they uploaded: an address
//! is no right to what it names.

use std::collections::BTreeSet;

use statehouse_definition::model::{Actor, Field, FieldKind, See};

use crate::entity::persona::Persona;
use crate::sql::{ident, indent, literal};

/// Refs of a new row: `fields` are the columns this door writes, `seen` is the session it acts as.
pub(in crate::entity) fn new_row<'a>(
    persona: &Persona<'_>,
    fields: impl IntoIterator<Item = (&'a str, &'a Field)>,
    (tenant, seen): (&str, &str),
) -> String {
    let fields: Vec<_> = fields.into_iter().collect();
    let files: String = files(persona, fields.iter().copied()).map(|f| judged(persona, f, "", &format!("new.{}", ident(f)))).collect();
    let refs = refs(persona, fields).map(|given| given.refused_unless_seen("", &format!("new.{}", ident(given.field)), tenant, seen));
    refs.collect::<String>() + &files
}

/// Refs that an update gives anew; one that stays as it was is nobody's gift.
pub(in crate::entity) fn changed<'a>(
    persona: &Persona<'_>,
    fields: impl IntoIterator<Item = (&'a str, &'a Field)>,
    (tenant, seen): (&str, &str),
) -> String {
    let one = |given: Given<'_, 'a>| {
        let column = ident(given.field);
        given.refused_unless_seen(&format!("new.{column} is distinct from old.{column} and "), &format!("new.{column}"), tenant, seen)
    };
    let fields: Vec<_> = fields.into_iter().collect();
    let file = |field: &str| {
        let column = ident(field);
        judged(persona, field, &format!("new.{column} is distinct from old.{column} and "), &format!("new.{column}"))
    };
    let files: String = files(persona, fields.iter().copied()).map(file).collect();
    refs(persona, fields).map(one).collect::<String>() + &files
}

/// Refs among the inputs of verbs this persona may fire; `input` holds them as JSON.
pub(in crate::entity) fn handed(persona: &Persona<'_>, input: &str, (tenant, seen): (&str, &str)) -> String {
    let entity = persona.cx.entity;
    let names: BTreeSet<&str> = entity
        .transitions
        .values()
        .filter(|transition| transition.by.iter().any(|actor| !matches!(actor, Actor::Kind(_))))
        .flat_map(|transition| transition.input.keys().map(String::as_str))
        .collect();
    let fields = || entity.fields.iter().map(|(name, field)| (name.as_str(), field)).filter(|(name, _)| names.contains(name));
    let file = |field: &str| judged(persona, field, "", &format!("statehouse.file_hash({input} -> {})", literal(field)));
    let files: String = files(persona, fields()).map(file).collect();
    let one = |given: Given<'_, '_>| given.refused_unless_seen("", &format!("({input} ->> {})::uuid", literal(given.field)), tenant, seen);
    let checks = refs(persona, fields()).map(one).collect::<String>() + &files;
    if checks.is_empty() { checks } else { format!("if {input} is not null then\n{}end if;\n", indent(&checks, 2)) }
}

/// The names of file fields among `fields`; none for the engine, which attaches what it made.
fn files<'a>(persona: &Persona<'_>, fields: impl IntoIterator<Item = (&'a str, &'a Field)>) -> impl Iterator<Item = &'a str> {
    let person = persona.role != "system";
    fields.into_iter().filter(move |(_, f)| person && f.kind == FieldKind::File).map(|(name, _)| name)
}

/// Whether the actor uploaded the file that `value` names.
fn judged(persona: &Persona<'_>, field: &str, when: &str, value: &str) -> String {
    let entity = literal(&persona.cx.qualified());
    format!("if {when}{value} is not null then perform statehouse.judge_file({entity}, {}, {value}); end if;\n", literal(field))
}

/// One ref that a person gives.
struct Given<'p, 'a> {
    persona: &'p Persona<'p>,
    field: &'a str,
    /// The entity it leads to.
    to: &'a str,
}

/// The refs among `fields`; none for the engine, whose imports and connectors see the whole tenant.
fn refs<'p, 'a>(persona: &'p Persona<'p>, fields: impl IntoIterator<Item = (&'a str, &'a Field)>) -> impl Iterator<Item = Given<'p, 'a>> {
    let person = persona.role != "system";
    fields.into_iter().filter(move |_| person).filter_map(move |(field, f)| match &f.kind {
        FieldKind::Ref(to) => Some(Given { persona, field, to }),
        _ => None,
    })
}

impl Given<'_, '_> {
    /// Nothing is looked up where nothing is given; existence and sight are one look.
    fn refused_unless_seen(&self, when: &str, value: &str, tenant: &str, seen: &str) -> String {
        let cx = self.persona.cx;
        let Some(target) = cx.app.entities.get(self.to) else { return String::new() };
        let other = crate::entity::Cx::new(cx.app, target);
        let own = target.access.get(self.persona.role).filter(|access| !access.capability && !matches!(access.see, See::Nothing));
        let slice = match own {
            // A role without a view of its own sees nothing by a capability either.
            None => " and false".to_owned(),
            Some(access) => super::in_slice(&Persona { cx: &other, role: self.persona.role, access: Some(access) }, "r", seen),
        };
        format!(
            "if {when}{value} is not null and not exists (select from {table} r where r.tenant = {tenant} and r.id = {value}{slice}) then\n  perform statehouse.refuse_ref({entity}, {field}, {to});\nend if;\n",
            table = other.table(),
            entity = literal(&cx.qualified()),
            field = literal(self.field),
            to = literal(self.to),
        )
    }
}
