//! The function that works out every derived field of a record's children.

use std::collections::BTreeSet;

use statehouse_definition::model::{App, Child, Entity};

use super::allocate;
use super::priced_fields;
use super::print::{PARENT, as_field};
use super::stages::{ROW, Stage, calculators, stages};
use super::words::{
    Function, Parameter, child_table, column_type, in_table_order, listed, out, parameter, pg_type, qualified, select, title,
};
use crate::entity::CompileFault;
use crate::object::Object;
use crate::sql::{ident, indent, wrap};

/// A child with the stages of its derived fields.
pub struct Lines<'a> {
    app: &'a App,
    entity: &'a Entity,
    name: &'a str,
    child: &'a Child,
    stages: Vec<Stage<'a>>,
}

/// The call for a record that SQL calls `row`, e.g. `orders.order_lines_priced(new.tenant, new.id, new.priced_on,
/// new.discount)`: a table of id, position, every field and `trace`. An amount to be shared may be handed in as null; its
/// shares are null then. `None` for a child without derived fields, and for one that [`super::priced_objects`] refuses.
pub fn priced_call(app: &App, entity: &Entity, child: &str, row: &str) -> Option<String> {
    let (name, child) = entity.children.get_key_value(child).filter(|(_, child)| !priced_fields(child).is_empty())?;
    Lines::new(app, entity, name, child).ok().map(|lines| lines.call(row))
}

impl<'a> Lines<'a> {
    /// Settles the order of a child's fields.
    pub fn new(app: &'a App, entity: &'a Entity, name: &'a str, child: &'a Child) -> Result<Self, CompileFault> {
        Ok(Self { app, entity, name, child, stages: stages(app, entity, name, child)? })
    }

    /// Columns of the parent that prices read directly, in the order of its table.
    pub fn parent_inputs(&self) -> Vec<&'a str> {
        let mut read: BTreeSet<String> =
            calculators(self.app, self.child).into_iter().map(|(_, calculator)| calculator.on.clone()).collect();
        for stage in &self.stages {
            match stage {
                Stage::Priced(_, calculation) => read.extend(calculation.parent_inputs().into_iter().map(str::to_owned)),
                Stage::Shared(_, amount, _) => drop(read.insert((*amount).to_owned())),
                Stage::Computed(fields) => fields.iter().for_each(|(_, _, printed)| read.extend(printed.uses.parent.iter().cloned())),
            }
        }
        in_table_order(self.entity, |column| read.contains(column))
    }

    /// The call for a record that SQL calls `row`.
    pub fn call(&self, row: &str) -> String {
        let inputs = ["tenant", "id"].into_iter().chain(self.parent_inputs());
        let arguments: Vec<String> = inputs.map(|column| format!("{row}.{}", ident(column))).collect();
        format!("{}({})", qualified(self.app, &self.function()), arguments.join(", "))
    }

    fn function(&self) -> String {
        format!("{}_priced", child_table(self.entity, self.name))
    }

    /// Arguments end in `_`, because the columns given back have the fields' own names.
    fn takes(&self) -> Vec<Parameter> {
        let inputs = self.parent_inputs().into_iter().map(|input| parameter(&format!("{input}_"), column_type(self.entity, input)));
        [parameter("tenant_", "int"), parameter("id_", "uuid")].into_iter().chain(inputs).collect()
    }

    fn gives(&self) -> Vec<Parameter> {
        let fields = self.child.fields.iter().map(|(name, field)| out(name, pg_type(&field.kind)));
        [out("id", "uuid"), out("position", "int")].into_iter().chain(fields).chain([out("trace", "jsonb")]).collect()
    }

    /// The function.
    pub fn object(&self) -> Object {
        let gives: Vec<String> = self.gives().iter().map(|p| format!("{} {}", ident(&p.name), p.of)).collect();
        let label = title(&self.entity.label, &self.entity.name);
        Function {
            app: self.app,
            name: self.function(),
            takes: self.takes(),
            returns: format!("returns table ({})", listed(&gives)),
            reads: "stable",
            body: self.body(),
            comment: format!("{} of one {} with every derived field worked out anew; changes nothing", self.name, label.to_lowercase()),
        }
        .object()
    }

    fn body(&self) -> String {
        let constants: String = self
            .takes()
            .iter()
            .map(|p| format!("  {} constant {} := {};\n", ident(p.name.trim_end_matches('_')), p.of, ident(&p.name)))
            .collect();
        let mut sql = format!("with plain as (\n{}", indent(&self.plain(), 2));
        let mut last = "plain".to_owned();
        for (place, stage) in self.stages.iter().enumerate() {
            let name = format!("{}_{}", word(stage), place + 1);
            sql.push_str(&format!("), {name} as (\n{}", indent(&self.stage(stage, &last), 2)));
            last = name;
        }
        let mut columns: Vec<String> = self.gives().iter().map(|p| format!("{ROW}.{}", ident(&p.name))).collect();
        columns.pop();
        columns.push(self.trace());
        sql.push_str(&format!(")\n{}\n  from {last} {ROW}\n order by {ROW}.\"position\";", select(&columns)));
        format!("#variable_conflict use_column\n<<{PARENT}>>\ndeclare\n{constants}begin\n  return query\n{}end", indent(&sql, 2))
    }

    /// The traces of all calculators as one.
    fn trace(&self) -> String {
        let traces: Vec<String> =
            calculators(self.app, self.child).iter().map(|(name, _)| format!("{ROW}.{}", ident(&format!("trace_{name}")))).collect();
        if traces.is_empty() { "null::jsonb".to_owned() } else { traces.join(" || ") }
    }

    /// What people wrote.
    fn plain(&self) -> String {
        let own = self.child.fields.iter().filter(|(_, field)| field.derived.is_none()).map(|(name, _)| name.as_str());
        let columns = ["tenant", "id", &self.entity.name, "position"].into_iter().chain(own);
        let columns: Vec<String> = columns.map(|column| format!("l.{}", ident(column))).collect();
        format!(
            "{}\n  from {} l\n where l.tenant = {PARENT}.tenant and l.{} = {PARENT}.id",
            select(&columns),
            qualified(self.app, &child_table(self.entity, self.name)),
            ident(&self.entity.name)
        )
    }

    fn stage(&self, stage: &Stage<'_>, last: &str) -> String {
        match stage {
            Stage::Priced(name, calculation) => {
                let fields = calculation.fields().into_iter().map(|(field, _)| format!("price.{}", ident(field)));
                let fields: Vec<String> = fields.chain([format!("price.trace as {}", ident(&format!("trace_{name}")))]).collect();
                let on = calculators(self.app, self.child).into_iter().find(|(n, _)| n == name).map_or("", |(_, c)| c.on.as_str());
                let own = calculation.inputs().into_iter().map(|input| format!("{ROW}.{}", ident(input)));
                let parent = calculation.parent_inputs().into_iter().map(|input| format!("{PARENT}.{}", ident(input)));
                let day = [format!("{PARENT}.tenant"), format!("{PARENT}.{}", ident(on))];
                let arguments: Vec<String> = day.into_iter().chain(own).chain(parent).collect();
                format!(
                    "select {ROW}.*, {}\n  from {last} {ROW}\n cross join lateral {}(\n{}) price",
                    fields.join(", "),
                    qualified(self.app, name),
                    wrap(&arguments, 4, 100)
                )
            }
            Stage::Shared(field, amount, over) => format!(
                "select {ROW}.*, shares.parts[row_number() over (order by {ROW}.\"position\")] as {field}\n  \
                 from {last} {ROW}\n cross join (\n   \
                 select {allocate}({PARENT}.{amount}, array_agg(w.{over}::numeric order by w.\"position\"))\n     \
                 from {last} w) shares (parts)",
                allocate = qualified(self.app, allocate::NAME),
                field = ident(field),
                amount = ident(amount),
                over = ident(over)
            ),
            Stage::Computed(fields) => {
                let line = |(name, field, printed): &(&str, &statehouse_definition::model::Field, _)| {
                    let printed: &statehouse_definition::expr::Printed = printed;
                    format!("{} as {}", as_field(&printed.sql, &field.kind), ident(name))
                };
                let fields: Vec<String> = fields.iter().map(line).collect();
                format!("select {ROW}.*,\n       {}\n  from {last} {ROW}", fields.join(",\n       "))
            }
        }
    }
}

fn word(stage: &Stage<'_>) -> &'static str {
    match stage {
        Stage::Priced(..) => "priced",
        Stage::Shared(..) => "shared",
        Stage::Computed(..) => "computed",
    }
}
