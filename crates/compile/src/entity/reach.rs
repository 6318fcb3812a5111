//! What a role can reach of an entity: the same answers by which its views and doors are made, for whoever speaks to them.

use statehouse_definition::model::App;

use super::cx::Cx;
use super::door;
use super::persona::{Persona, creatable};
use crate::pricing;

/// One role and one entity. Names are those of the definition, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Fields in the role's view.
    pub visible: Vec<String>,
    /// Whether somebody of this role may be able to make a record; a capability may still be asked for.
    pub creates: bool,
    /// Fields a new record may be handed.
    pub creatable: Vec<String>,
    /// Fields somebody of this role may ever write, by an edit or as the input of a verb.
    pub editable: Vec<String>,
    /// The rows a record owns.
    pub children: Vec<ChildReach>,
}

/// One role and the rows of one child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildReach {
    /// The child.
    pub name: String,
    /// Fields in the role's view.
    pub visible: Vec<String>,
    /// Fields a row may be handed; empty where the role never changes the rows.
    pub writable: Vec<String>,
    /// Whether the working of its prices is shown, as `trace`.
    pub traced: bool,
}

/// What `role` reaches; `None` where it has no view of the entity, or the app no such entity.
pub fn reach(app: &App, entity: &str, role: &str) -> Option<Reach> {
    let cx = Cx::new(app, app.entities.get(entity)?);
    let access = cx.entity.access.get(role);
    if role != "system" && access.is_none_or(|a| a.capability) {
        return None;
    }
    let persona = Persona { cx: &cx, role, access };
    if !persona.sees() {
        return None;
    }
    let names = |fields: Vec<&str>| fields.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let creates = door::creates(&persona);
    let editable = names(door::editable(&persona));
    Some(Reach {
        visible: names(persona.visible()),
        creates,
        creatable: if creates { names(creatable(&persona)) } else { Vec::new() },
        editable,
        children: persona.visible_children().map(|child| child_reach(&persona, child)).collect(),
    })
}

fn child_reach(persona: &Persona<'_>, child: &str) -> ChildReach {
    let rows = &persona.cx.entity.children[child];
    let priced = pricing::priced_fields(rows);
    let derived = |field: &str| priced.contains(&field) || rows.fields.get(field).is_none_or(|f| f.derived.is_some());
    let visible = persona.visible_child(child);
    let writable = if door::edits(persona, child) {
        visible.iter().filter(|field| !derived(field)).map(|field| (*field).to_owned()).collect()
    } else {
        Vec::new()
    };
    ChildReach {
        name: child.to_owned(),
        writable,
        traced: !priced.is_empty() && !persona.hides_some(child),
        visible: visible.into_iter().map(str::to_owned).collect(),
    }
}
