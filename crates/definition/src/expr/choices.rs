//! A literal compared with an enum, a state or a moment must be one of its values: `state = 'shiped'` never holds,
//! and nobody would notice.

use super::fault::Fault;
use super::names::{Sort, Target};
use super::print::{Done, Printer};
use super::suggest;
use super::tree::{Kind, Node};
use crate::model::{Field, FieldKind};

impl<'a> Printer<'a> {
    /// Checks one literal against the column it is compared with.
    pub(crate) fn known_choice(&self, column: &Node, literal: &Node) -> Done {
        let (Some(place), Kind::Name(parts), Kind::Text(text)) = (self.place, &column.bare().kind, &literal.bare().kind) else {
            return Ok(());
        };
        let Ok(Target::Column(_, path)) = self.resolve(&place, parts) else { return Ok(()) };
        let Some(last) = path.last() else { return Ok(()) };
        match last.sort {
            Sort::Field(Field { kind, .. }) => of_kind(kind, literal),
            Sort::State(entity) => one_of(text, entity.states.keys().map(|state| &**state), "a state", literal),
            Sort::Moment => moment(text, literal),
            Sort::Record(_) | Sort::Engine => Ok(()),
        }
    }

    /// Checks every literal of a list.
    pub(crate) fn known_choices(&self, column: &Node, literals: &[Node]) -> Done {
        literals.iter().try_for_each(|literal| self.known_choice(column, literal))
    }
}

/// Checks a literal against the type it must have.
pub(crate) fn of_kind(kind: &FieldKind, literal: &Node) -> Done {
    let Kind::Text(text) = &literal.bare().kind else { return Ok(()) };
    match kind {
        FieldKind::Enum(values) => one_of(text, values.iter().map(|value| &**value), "one of its values", literal),
        FieldKind::Date | FieldKind::Timestamp => moment(text, literal),
        _ => Ok(()),
    }
}

fn one_of<'a>(text: &str, known: impl Iterator<Item = &'a str> + Clone, what: &str, literal: &Node) -> Done {
    if known.clone().any(|value| value == text) {
        return Ok(());
    }
    let all = known.clone().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    Err(Fault::unknown(&literal.at, format!("`{text}` is not {what}"))
        .help(format!("use {all}"))
        .maybe_help(suggest::instead(text, known).map(|help| help.replace('`', "'"))))
}

/// `'now'` and `'today'` would ask Postgres' clock instead of the engine's.
fn moment(text: &str, literal: &Node) -> Done {
    if text.bytes().all(|byte| byte.is_ascii_digit() || b" :.+-TZtz".contains(&byte)) {
        return Ok(());
    }
    Err(Fault::refused(&literal.at, format!("`{text}` is not a plain date or time"))
        .help("write digits such as `2026-11-20`, or `today()` or `now()`"))
}
