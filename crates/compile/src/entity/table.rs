//! The table of an entity: columns, named constraints, indexes, forced row-level security.

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Field, FieldKind};

use super::CompileFault;
use super::cx::{Cx, pg_type};
use crate::object::{Kind, Object};
use crate::sql::{ident, list, literal};

/// The table with everything that needs no other table.
pub fn objects(cx: &Cx<'_>) -> Result<Vec<Object>, CompileFault> {
    let (schema, name) = (&cx.app.name, &cx.entity.name);
    let table = cx.table();
    let mut lines = vec!["tenant int not null".to_owned(), "id uuid not null".to_owned()];
    if cx.entity.reference.is_some() {
        lines.extend(["number bigint not null".to_owned(), "reference text not null".to_owned()]);
    }
    lines.extend(cx.entity.fields.iter().map(|(field, f)| column(field, f)));
    lines.extend(ENGINE_COLUMNS.map(str::to_owned));
    lines.push(format!("constraint {} primary key (tenant, id)", ident(&format!("{name}_pkey"))));
    lines.extend(constraints(cx)?);
    let mut sql = format!("create table {table} (\n  {}\n) with (fillfactor = 80);\n", lines.join(",\n  "));
    sql.push_str(&format!("comment on table {table} is {};\n", literal(&title(cx))));
    sql.push_str(&comments(cx));
    sql.push_str(&secured(&table));
    let mut objects = vec![Object::new(Kind::Table, schema, name, sql)];
    objects.extend(indexes(cx));
    Ok(objects)
}

/// Columns every record has after its own fields.
const ENGINE_COLUMNS: [&str; 8] = [
    "state text not null",
    "entered_at timestamptz not null",
    "changed_at timestamptz not null",
    "version int not null",
    "verb text not null",
    "head bytea not null",
    "fire text",
    "input jsonb",
];

/// Foreign keys, made once every table stands.
pub fn references(cx: &Cx<'_>) -> Vec<Object> {
    let name = &cx.entity.name;
    cx.entity
        .fields
        .iter()
        .filter_map(|(field, f)| {
            let (target, columns) = target(cx, &f.kind)?;
            let constraint = format!("{name}_{field}_exists");
            let sql = format!(
                "alter table {} add constraint {}\n  foreign key ({columns}{}) references {target};\n",
                cx.table(),
                ident(&constraint),
                ident(field)
            );
            Some(Object::on(Kind::Constraint, &cx.app.name, name, &constraint, sql))
        })
        .collect()
}

fn target(cx: &Cx<'_>, kind: &FieldKind) -> Option<(String, &'static str)> {
    match kind {
        FieldKind::Ref(entity) => Some((format!("{}.{}", cx.schema(), ident(entity)), "tenant, ")),
        FieldKind::Member => Some(("statehouse.tenant_member".to_owned(), "tenant, ")),
        FieldKind::File => Some(("statehouse.file".to_owned(), "tenant, ")),
        _ => None,
    }
}

/// `title text not null`.
pub fn column(name: &str, field: &Field) -> String {
    let required = if field.required && field.derived.is_none() { " not null" } else { "" };
    format!("{} {}{required}", ident(name), pg_type(&field.kind))
}

fn title(cx: &Cx<'_>) -> String {
    cx.entity.label.values().next().cloned().unwrap_or_else(|| cx.entity.name.clone())
}

fn comments(cx: &Cx<'_>) -> String {
    let mut sql = String::new();
    for (name, field) in &cx.entity.fields {
        if let Some(label) = field.label.values().next() {
            sql.push_str(&format!("comment on column {}.{} is {};\n", cx.table(), ident(name), literal(label)));
        }
    }
    for (name, why) in [
        ("verb", "The last verb: created, edited, imported or a declared one"),
        ("head", "Head of this record's chain of events"),
        ("fire", "Write-only: the verb to fire; null at rest"),
        ("input", "Write-only: what the verb is handed; null at rest"),
    ] {
        sql.push_str(&format!("comment on column {}.{name} is {};\n", cx.table(), literal(why)));
    }
    sql
}

fn constraints(cx: &Cx<'_>) -> Result<Vec<String>, CompileFault> {
    let name = &cx.entity.name;
    let mut lines = vec![
        format!("constraint {} check (state in {})", ident(&format!("{name}_state_known")), list(cx.entity.states.keys())),
        format!("constraint {} check (fire is null and input is null)", ident(&format!("{name}_fire_spent"))),
    ];
    for (field, f) in &cx.entity.fields {
        lines.extend(checks(name, field, &f.kind));
        if let Some(expr) = &f.check {
            let printed = cx.print(expr, "", Purpose::Check)?;
            lines.push(format!("constraint {} check ({})", ident(&format!("{name}_{field}_holds")), printed.sql));
        }
        if f.unique {
            lines.push(format!("constraint {} unique (tenant, {})", ident(&format!("{name}_{field}_unique")), ident(field)));
        }
    }
    if cx.entity.reference.is_some() {
        lines.push(format!("constraint {} unique (tenant, reference)", ident(&format!("{name}_reference_unique"))));
    }
    for (key, fields) in &cx.entity.uniques {
        let columns: Vec<String> = fields.iter().map(|f| ident(f)).collect();
        lines.push(format!("constraint {} unique (tenant, {})", ident(&format!("{name}_{key}")), columns.join(", ")));
    }
    for (key, exclusion) in &cx.entity.exclusions {
        let columns: Vec<String> = exclusion.columns.iter().map(|(c, op)| format!("{} with {op}", ident(c))).collect();
        let only = if exclusion.only.is_empty() { cx.living() } else { exclusion.only.clone() };
        lines.push(format!(
            "constraint {} exclude using gist (tenant with =, {}) where (state in {})",
            ident(&format!("{name}_{key}")),
            columns.join(", "),
            list(&only)
        ));
    }
    lines.extend(needs(cx));
    lines.extend(finite(name, cx.entity.fields.iter()));
    Ok(lines)
}

/// What a state requires, as one constraint: Postgres reads every constraint anew in every statement.
fn needs(cx: &Cx<'_>) -> Option<String> {
    let demands: Vec<String> = cx
        .entity
        .states
        .iter()
        .filter(|(_, s)| !s.required.is_empty())
        .map(|(state, s)| {
            let filled: Vec<String> = s.required.iter().map(|f| format!("{} is not null", ident(f))).collect();
            format!("when {} then {}", literal(state), filled.join(" and "))
        })
        .collect();
    (!demands.is_empty()).then(|| {
        let name = ident(&format!("{}_state_needs", cx.entity.name));
        format!("constraint {name} check (case state {} else true end)", demands.join(" "))
    })
}

/// Numbers and days that are some number and some day: `NaN` and `infinity` pass every comparison a rule would make.
/// One constraint for all of them, for the same reason as above.
pub fn finite<'a>(table: &str, fields: impl Iterator<Item = (&'a String, &'a Field)>) -> Option<String> {
    let demands: Vec<String> = fields
        .filter(|(_, f)| f.derived.is_none())
        .filter_map(|(name, f)| match &f.kind {
            FieldKind::Decimal => Some(format!("abs({}) < 'Infinity'", ident(name))),
            FieldKind::Date | FieldKind::Timestamp => Some(format!("isfinite({})", ident(name))),
            _ => None,
        })
        .collect();
    (!demands.is_empty()).then(|| format!("constraint {} check ({})", ident(&format!("{table}_finite")), demands.join(" and ")))
}

/// What the type itself demands.
pub fn checks(table: &str, field: &str, kind: &FieldKind) -> Option<String> {
    let column = ident(field);
    let (what, rule) = match kind {
        FieldKind::Enum(values) => ("known", format!("{column} in {}", list(values))),
        FieldKind::Currency => ("form", format!("{column} ~ '^[A-Z]{{3}}$'")),
        FieldKind::Percent => ("within", format!("{column} between 0 and 100")),
        FieldKind::Phone => ("form", format!("{column} ~ '^\\+[1-9][0-9]{{6,14}}$'")),
        FieldKind::Email => ("form", format!("{column} ~ '^[^@[:space:]]+@[^@[:space:]]+$'")),
        FieldKind::Geo => ("within", format!("{column}[0] between -180 and 180 and {column}[1] between -90 and 90")),
        FieldKind::File => ("whole", format!("octet_length({column}) = 32")),
        _ => return None,
    };
    Some(format!("constraint {} check ({rule})", ident(&format!("{table}_{field}_{what}"))))
}

/// An index behind every reference and every column a row rule compares.
fn indexes(cx: &Cx<'_>) -> Vec<Object> {
    let name = &cx.entity.name;
    cx.entity
        .fields
        .iter()
        .filter(|(_, f)| matches!(f.kind, FieldKind::Ref(_) | FieldKind::Member) && !f.unique)
        .map(|(field, _)| {
            let index = format!("{name}_{field}");
            let sql = format!("create index {} on {} (tenant, {});\n", ident(&index), cx.table(), ident(field));
            Object::on(Kind::Index, &cx.app.name, name, &index, sql)
        })
        .collect()
}

/// Forced row-level security: the owner too sees only the tenant whose door is open; the backup role reads.
pub fn secured(table: &str) -> String {
    format!(
        "alter table {table} enable row level security;\n\
         alter table {table} force row level security;\n\
         create policy tenant_of_the_door on {table} to statehouse_owner\n  \
         using (tenant = nullif(current_setting('statehouse.tenant', true), '')::int);\n\
         grant select on {table} to statehouse_backup;\n"
    )
}
