//! A calculator: one branch per variant, its steps as variables, the priced fields and the trace as results.

use std::collections::BTreeSet;

use statehouse_definition::expr::{Printed, Purpose};
use statehouse_definition::model::{App, Calculator, Child, Derived, Entity, Field, Named};

use super::print::{PARENT, Scope, malformed, whole};
use super::words::{Function, column_type, in_table_order, out, parameter, pg_type};
use crate::entity::CompileFault;
use crate::object::Object;
use crate::sql::{ident, indent, literal, wrap};

/// A calculator with its steps printed.
pub struct Calculation<'a> {
    app: &'a App,
    entity: &'a Entity,
    child: &'a Child,
    name: &'a str,
    calculator: &'a Calculator,
    /// Variant → step → what it prints as.
    variants: Named<Named<Printed>>,
}

impl<'a> Calculation<'a> {
    /// Prints every step of every variant.
    pub fn new(app: &'a App, entity: &'a Entity, name: &'a str, calculator: &'a Calculator) -> Result<Self, CompileFault> {
        let Some(child) = entity.children.get(&calculator.child) else {
            let message = format!("`{name}` is for `{}.{}`, which is not there", calculator.entity, calculator.child);
            return Err(malformed(&calculator.at, "SH3037", message, "name a child of the entity".to_owned()));
        };
        let (row, mut variants) = (ident(name), Named::new());
        let on = format!("{row}.\"on\"");
        let scope = Scope { app, entity, child: &calculator.child, row: &row, on: Some(&on) };
        for (variant, steps) in &calculator.variants {
            let (mut printed, mut known) = (Named::new(), Vec::new());
            for (step, expr) in steps {
                printed.insert(step.clone(), scope.print(expr, &known, Purpose::Step)?);
                known.push(step.clone());
            }
            variants.insert(variant.clone(), printed);
        }
        Ok(Self { app, entity, child, name, calculator, variants })
    }

    /// Child fields this calculator gives, in the order of the file.
    pub fn fields(&self) -> Vec<(&'a str, &'a Field)> {
        let ours = |field: &Field| matches!(&field.derived, Some(Derived::Priced { calculator }) if calculator == self.name);
        self.child.fields.iter().filter(|(_, field)| ours(field)).map(|(name, field)| (name.as_str(), field)).collect()
    }

    /// Child columns any step reads, the one that picks the variant first.
    pub fn inputs(&self) -> Vec<&'a str> {
        let read: BTreeSet<&str> = self.printed().flat_map(|step| &step.uses.fields).map(String::as_str).collect();
        let by = self.calculator.by.as_str();
        let others = self.child.fields.keys().map(String::as_str).filter(|name| *name != by && read.contains(name));
        let engine = ["id", "position", self.entity.name.as_str()].into_iter().filter(|name| read.contains(name));
        std::iter::once(by).chain(others).chain(engine).collect()
    }

    /// Parent columns any step reads, besides the date.
    pub fn parent_inputs(&self) -> Vec<&'a str> {
        let read: BTreeSet<&str> = self.printed().flat_map(|step| &step.uses.parent).map(String::as_str).collect();
        let id = read.contains("id").then_some("id");
        id.into_iter().chain(in_table_order(self.entity, |column| read.contains(column))).collect()
    }

    fn printed(&self) -> impl Iterator<Item = &Printed> {
        self.variants.values().flat_map(Named::values)
    }

    /// The function.
    pub fn object(&self) -> Result<Object, CompileFault> {
        let mut takes = vec![parameter("tenant", "int"), parameter("on", "date")];
        takes.extend(self.inputs().into_iter().map(|input| parameter(input, self.input_type(input))));
        takes
            .extend(self.parent_inputs().into_iter().map(|input| parameter(&format!("{PARENT}_{input}"), column_type(self.entity, input))));
        takes.extend(self.fields().into_iter().map(|(field, f)| out(field, pg_type(&f.kind))));
        takes.push(out("trace", "jsonb"));
        let comment = format!(
            "Prices a row of {}.{} by {}; without an input the prices are null and the trace says which step is",
            self.calculator.entity, self.calculator.child, self.calculator.by
        );
        Ok(Function {
            app: self.app,
            name: self.name.to_owned(),
            takes,
            returns: "returns record".to_owned(),
            reads: "stable",
            body: self.body()?,
            comment,
        }
        .object())
    }

    fn input_type(&self, input: &str) -> &'static str {
        match (self.child.fields.get(input), input) {
            (Some(field), _) => pg_type(&field.kind),
            (None, "position") => "int",
            (None, _) => "uuid",
        }
    }

    fn body(&self) -> Result<String, CompileFault> {
        let (f, mut branches) = (ident(self.name), String::new());
        for variant in self.variants.keys() {
            branches.push_str(&format!("    when {} then\n{}", literal(variant), indent(&self.branch(variant)?, 6)));
        }
        let by = ident(&self.calculator.by);
        Ok(format!(
            "{label}declare
{parent}{variables}
begin
  case {f}.{by}
{branches}    else
      perform statehouse.refuse('SH4011',
        format({sentence}, coalesce({f}.{by}, 'null')),
        jsonb_build_object('calculator', {name}, 'matches', jsonb_build_object({key}, {f}.{by}), 'on', {f}.\"on\", 'found', 0),
        {help});
  end case;
end",
            label = if self.parent_inputs().is_empty() { String::new() } else { format!("<<{PARENT}>>\n") },
            parent = self.parent_constants(),
            variables = self.variables(),
            sentence = literal(&format!("`{}` has no steps for {} %s", self.name, self.calculator.by)),
            name = literal(self.name),
            key = literal(&self.calculator.by),
            help = literal(&format!("choose one of {}", self.variants.keys().map(String::as_str).collect::<Vec<_>>().join(", "))),
        ))
    }

    /// Constants by which steps read the parent; its tenant is there for refs that are followed from it.
    fn parent_constants(&self) -> String {
        let f = ident(self.name);
        let inputs = self.parent_inputs();
        if inputs.is_empty() {
            return String::new();
        }
        let constant = |input: &&str| {
            let source = ident(&format!("{PARENT}_{input}"));
            format!("  {} constant {} := {f}.{source};\n", ident(input), column_type(self.entity, input))
        };
        let constants: String = inputs.iter().map(constant).collect();
        format!("  tenant constant int := {f}.tenant;\n{constants}")
    }

    fn variables(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for step in self.variants.values().flat_map(Named::keys) {
            let line = format!("  {} numeric;", variable(step));
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines.join("\n")
    }

    fn branch(&self, variant: &str) -> Result<String, CompileFault> {
        let steps = &self.variants[variant];
        let mut sql = String::new();
        for (step, printed) in steps {
            sql.push_str(&format!("{} := {};\n", variable(step), self.guarded(printed)));
        }
        let pairs: Vec<String> = steps.keys().map(|step| format!("{}, {}", literal(step), variable(step))).collect();
        sql.push_str(&format!("trace := jsonb_build_object(\n{});\n", wrap(&pairs, 2, 100)));
        let fields = self.fields();
        if let Some((field, _)) = fields.iter().find(|(field, _)| !steps.contains_key(*field)) {
            let message = format!("`{}` has no step `{field}` for `{variant}`", self.name);
            return Err(malformed(
                &self.calculator.at,
                "SH3037",
                message,
                format!("add the step `{field}`, which prices the field of that name"),
            ));
        }
        // All prices or none: half a price would look like one.
        let prices: Vec<String> = fields.iter().map(|(field, _)| variable(field)).collect();
        sql.push_str(&format!("if num_nulls({}) = 0 then\n", prices.join(", ")));
        for (field, f) in fields {
            // Qualified, because a parent's constant may have the same name.
            let step = variable(field);
            let price = if whole(&f.kind) { format!("round({step})") } else { step };
            sql.push_str(&format!("  {}.{} := {price};\n", ident(self.name), ident(field)));
        }
        sql.push_str("end if;\n");
        Ok(sql)
    }

    /// `greatest` and `least` pass over nulls, so a missing input would silently price too low: the step is null then,
    /// unless its author says what null means.
    fn guarded(&self, printed: &Printed) -> String {
        let sql = &printed.sql;
        let passes_over = ["greatest(", "least("].iter().any(|word| sql.contains(word));
        let meant = ["coalesce(", " is null", " is not null"].iter().any(|word| sql.contains(word));
        if !passes_over || meant {
            return sql.clone();
        }
        let f = ident(self.name);
        let fields = printed.uses.fields.iter().map(|field| format!("{f}.{}", ident(field)));
        let parent = printed.uses.parent.iter().map(|field| format!("{PARENT}.{}", ident(field)));
        let inputs: Vec<String> = fields.chain(parent).chain(printed.uses.steps.iter().map(|step| variable(step))).collect();
        if inputs.is_empty() { sql.clone() } else { format!("case when num_nulls({}) = 0 then {sql} end", inputs.join(", ")) }
    }
}

fn variable(step: &str) -> String {
    ident(&format!("s_{step}"))
}
