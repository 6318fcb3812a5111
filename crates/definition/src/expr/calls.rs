//! Calls: the engine's own answers, rule tables, and Postgres' allowed functions.

use std::ops::Range;

use super::builtins;
use super::fault::Fault;
use super::ident::ident;
use super::names::Target;
use super::place::{Place, Purpose};
use super::print::{Done, Printer};
use super::suggest;
use super::tree::{Call, Kind, Part};
use super::words;
use crate::model::RuleTable;

impl<'a> Printer<'a> {
    /// Prints any call.
    pub(crate) fn call(&mut self, call: &Call, at: &Range<usize>) -> Done {
        let Some(place) = self.place else { return self.plain(call) };
        match &call.name[..] {
            [one] if builtins::AGGREGATES.contains(&&*one.name) => self.aggregate(&place, call, at),
            [one] if builtins::ENGINE.contains(&&*one.name) => self.engine(&place, call, one),
            [table, value] => self.rule(&place, call, table, value),
            _ => self.plain(call),
        }
    }

    /// `name(args)` as written; aggregates of a sub-select keep their filter.
    pub(crate) fn plain(&mut self, call: &Call) -> Done {
        let name = call.name.iter().map(|part| part.name.clone()).collect::<Vec<_>>();
        let name = if let [one] = &name[..] { one.clone() } else { name.iter().map(|p| ident(p)).collect::<Vec<_>>().join(".") };
        self.push(&name);
        self.push(if call.distinct { "(distinct " } else { "(" });
        self.push(if call.star { "*" } else { "" });
        self.comma(&call.args)?;
        for (index, (name, value)) in call.named.iter().enumerate() {
            self.push(if index + call.args.len() > 0 { ", " } else { "" });
            self.push(&name.name);
            self.push(" => ");
            self.node(value)?;
        }
        self.push(")");
        if let Some(filter) = &call.filter {
            self.push(" filter (where ");
            self.node(filter)?;
            self.push(")");
        }
        Ok(())
    }

    fn engine(&mut self, place: &Place<'a>, call: &Call, name: &Part) -> Done {
        self.beyond_own_row(&name.at)?;
        if name.name == "fresh" {
            return self.fresh(place, call, name);
        }
        if !call.args.is_empty() {
            let message = format!("`{}()` takes no arguments", name.name);
            return Err(Fault::refused(&name.at, message).help(format!("write `{}()`", name.name)));
        }
        match &*name.name {
            "actor" | "role" => {
                self.uses.actor = true;
                self.push(who(place.purpose, name)?);
            }
            "now" => {
                self.uses.now = true;
                self.push("statehouse.now()");
            }
            _ => {
                let today = self.today(place);
                self.push(&today);
            }
        }
        Ok(())
    }

    fn today(&mut self, place: &Place<'a>) -> String {
        self.uses.now = true;
        format!("statehouse.today({})", words::literal(&place.app.time_zone))
    }

    fn fresh(&mut self, place: &Place<'a>, call: &Call, name: &Part) -> Done {
        let child = match &call.args[..] {
            [arg] => match &arg.kind {
                Kind::Name(parts) => match self.resolve(place, parts) {
                    Ok(Target::Lines(row, child)) if row.sql == place.row => Some(child),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        };
        let Some(child) = child.filter(|_| place.child.is_none() && !place.row.is_empty()) else {
            return Err(Fault::unknown(&name.at, "`fresh` takes a child of the record").help("write `fresh(lines)`"));
        };
        self.uses.fresh = true;
        self.uses.children.entry(child).or_default();
        let function = ident(&format!("{}_fresh", place.entity.name));
        self.push(&format!("{}.{function}({})", ident(&place.app.name), place.row));
        Ok(())
    }

    /// `fx.rate('EUR', on => d)` → `orders.fx_rate(new.tenant, d, 'EUR')`.
    fn rule(&mut self, place: &Place<'a>, call: &Call, name: &Part, value: &Part) -> Done {
        self.beyond_own_row(&name.at)?;
        let Some(table) = place.app.tables.get(&name.name) else {
            let known = place.app.tables.keys().map(|table| &**table);
            return Err(Fault::unknown(&name.at, format!("`{}` is not a rule table", name.name))
                .help("name a rule table of the app")
                .maybe_help(suggest::instead(&name.name, known)));
        };
        known_value(table, name, value)?;
        if call.args.len() != table.matches.len() {
            return Err(arity(table, call, name, value));
        }
        self.uses.tables.insert(name.name.clone());
        let function = ident(&format!("{}_{}", name.name, value.name));
        self.push(&format!("{}.{function}({}, ", ident(&place.app.name), self.tenant()));
        match (call.named.first(), place.on) {
            (Some((_, date)), _) => self.node(date)?,
            (None, Some(date)) => self.push(date),
            (None, None) => {
                let today = self.today(place);
                self.push(&today);
            }
        }
        for ((_, kind), arg) in table.matches.iter().zip(&call.args) {
            super::choices::of_kind(kind, arg)?;
            self.push(", ");
            self.node(arg)?;
        }
        self.push(")");
        Ok(())
    }
}

/// Inside the law the actor is whom the door verified, since a timer or a cascade has no session of its own; a set is a
/// function of the actor it is asked for.
fn who(purpose: Purpose, name: &Part) -> Result<&'static str, Fault> {
    match (purpose, &*name.name) {
        (Purpose::IdSet, "actor") => Ok("actor_"),
        (Purpose::IdSet, _) => Err(Fault::refused(&name.at, "a set belongs to an actor, whatever the role")
            .help("leave `role()` out, and name the set in the rules of the roles it is for")),
        (Purpose::Schedule, asked) => Err(Fault::refused(&name.at, "nobody asks when a schedule is due")
            .help(format!("leave `{asked}()` out; the records of all are looked at"))),
        (_, "actor") => Ok("statehouse.acting()"),
        _ => Ok("statehouse.acting_role()"),
    }
}

fn known_value(table: &RuleTable, name: &Part, value: &Part) -> Result<(), Fault> {
    let progressive = value.name == "progressive";
    if table.values.contains_key(&value.name) || (progressive && table.band.is_some()) {
        return Ok(());
    }
    let values = || table.values.keys().map(|value| &**value);
    if progressive {
        return Err(Fault::unknown(&value.at, format!("`{}` has no bands to go through", name.name))
            .help(format!("give the table a `band`, or ask for {}", listed(values()))));
    }
    Err(Fault::unknown(&value.at, format!("`{}` has no value `{}`", name.name, value.name))
        .help(format!("ask for {}", listed(values())))
        .maybe_help(suggest::instead(&value.name, values())))
}

fn arity(table: &RuleTable, call: &Call, name: &Part, value: &Part) -> Fault {
    let wanted = table.matches.keys().map(|column| &**column).collect::<Vec<_>>().join(", ");
    let message = format!("`{}.{}` matches {} columns, not {}", name.name, value.name, table.matches.len(), call.args.len());
    Fault::unknown(&(name.at.start..value.at.end), message).help(format!("write `{}.{}({wanted})`", name.name, value.name))
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}
