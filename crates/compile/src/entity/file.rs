//! Files of records: what holds them, who reads them. A field holds the address of a file; the bytes are read through a
//! function of the persona, which looks at the persona's own view first.

use statehouse_definition::model::{App, Field, FieldKind};

use super::cx::{Cx, eye, persona_schema, roles_of};
use super::persona::{Persona, readers};
use crate::object::{Kind, Object};
use crate::sql::{ident, literal};

/// The names of those fields that hold a file.
pub fn held<'a>(fields: impl IntoIterator<Item = (&'a String, &'a Field)>) -> Vec<&'a str> {
    fields.into_iter().filter(|(_, f)| f.kind == FieldKind::File).map(|(name, _)| name.as_str()).collect()
}

/// Whether records of this entity, or rows they own, hold files.
pub fn any(cx: &Cx<'_>) -> bool {
    !held(&cx.entity.fields).is_empty() || cx.entity.children.values().any(|child| !held(&child.fields).is_empty())
}

/// The constraint by which a child's row holds its file; a record's own is among its references.
pub fn constraint(table: &str, field: &str) -> String {
    format!("constraint {} foreign key (tenant, {}) references statehouse.file", ident(&format!("{table}_{field}_exists")), ident(field))
}

/// Behind every file field an index, by which the sweep asks whether the file is held, and a trigger that tells the
/// sweep what was let go.
pub fn objects(cx: &Cx<'_>) -> Vec<Object> {
    let children = cx.entity.children.iter().map(|(name, child)| (cx.child_table(name), held(&child.fields)));
    let all = std::iter::once((cx.entity.name.clone(), held(&cx.entity.fields))).chain(children);
    all.filter(|(_, fields)| !fields.is_empty()).flat_map(|(table, fields)| behind(cx, &table, &fields)).collect()
}

fn behind(cx: &Cx<'_>, table: &str, fields: &[&str]) -> Vec<Object> {
    let full = format!("{}.{}", cx.schema(), ident(table));
    let mut objects: Vec<Object> = fields
        .iter()
        .map(|field| {
            let (index, column) = (format!("{table}_{field}"), ident(field));
            let sql = format!("create index {} on {full} (tenant, {column}) where {column} is not null;\n", ident(&index));
            Object::on(Kind::Index, &cx.app.name, table, &index, sql)
        })
        .collect();
    let names = fields.iter().map(|field| literal(field)).collect::<Vec<_>>().join(", ");
    let changed: Vec<String> = fields.iter().map(|field| format!("old.{0} is distinct from new.{0}", ident(field))).collect();
    let call = format!("execute function statehouse.let_go_of_files({names})");
    let mut sql = format!("create trigger owed_3_files after update on {full} for each row when ({}) {call};\n", changed.join(" or "));
    if table != cx.entity.name {
        sql.push_str(&format!("create trigger owed_4_files after delete on {full} for each row {call};\n"));
    }
    objects.push(Object::on(Kind::Trigger, &cx.app.name, table, "files", sql));
    objects
}

/// The eyes that see a file field see the tenant's files; what leads to one of them is a view.
pub fn policies(app: &App) -> Vec<Object> {
    let mut objects = Vec::new();
    for role in roles_of(app).into_iter().filter(|role| app.entities.values().any(|entity| reads(&Cx::new(app, entity), role))) {
        for table in ["file", "file_chunk"] {
            let name = format!("{}_{role}", app.name);
            let eye = ident(&eye(app, &role));
            let sql = format!(
                "create policy {} on statehouse.{table} for select to {eye}\n  using (tenant = (select statehouse.tenant_as({}, {})));\ngrant select on statehouse.{table} to {eye};\n",
                ident(&name),
                literal(&app.name),
                literal(&role)
            );
            objects.push(Object::on(Kind::Policy, "statehouse", table, &name, sql));
        }
    }
    objects
}

fn reads(cx: &Cx<'_>, role: &str) -> bool {
    let access = cx.entity.access.get(role);
    let persona = Persona { cx, role, access };
    (role == "system" || access.is_some_and(|a| !a.capability)) && persona.sees() && !reading(&persona).is_empty()
}

/// What a persona reads files by: of the records it sees, and of the rows they own.
pub fn reading(persona: &Persona<'_>) -> Vec<Object> {
    let cx = persona.cx;
    let mut objects = Vec::new();
    let mut add = |relation: &str, fields: &[&str]| {
        if !fields.is_empty() {
            objects.push(about(persona, relation, fields));
            objects.push(bytes(persona, relation));
        }
    };
    let visible = |all: Vec<&str>, of: &dyn Fn(&str) -> FieldKind| -> Vec<String> {
        all.into_iter().filter(|field| of(field) == FieldKind::File).map(str::to_owned).collect()
    };
    let own = visible(persona.visible(), &|field| cx.entity.fields[field].kind.clone());
    add(&cx.entity.name, &own.iter().map(String::as_str).collect::<Vec<_>>());
    for name in persona.visible_children() {
        let child = &cx.entity.children[name];
        let fields = visible(persona.visible_child(name), &|field| child.fields[field].kind.clone());
        add(&cx.child_table(name), &fields.iter().map(String::as_str).collect::<Vec<_>>());
    }
    objects
}

/// `orders_rep.order_file(id, field)`: which file it is, as far as the view shows it.
fn about(persona: &Persona<'_>, relation: &str, fields: &[&str]) -> Object {
    let arms: Vec<String> = fields.iter().map(|field| format!("when {} then v.{}", literal(field), ident(field))).collect();
    let body = format!(
        "declare
  there  int;
  wanted bytea;
begin
  select (v.seen_by).tenant, case field {arms} end into there, wanted from {view} v where v.id = record;
  return query select f.hash::bytea, f.size, f.media_type, f.name from statehouse.file f where f.tenant = there and f.hash = wanted;
end",
        arms = arms.join(" "),
        view = persona.view(relation)
    );
    let returns = "table (hash bytea, size bigint, media_type text, name text)";
    let why = format!("The file in a field of a row of {relation} that {} sees; nothing for what the view does not show", persona.role);
    function(persona, &format!("{relation}_file"), "record uuid, field text", "uuid, text", returns, &body, &why)
}

/// `orders_rep.order_file_bytes(id, field, hash, first, last)`: its chunks, while the view still shows it.
fn bytes(persona: &Persona<'_>, relation: &str) -> Object {
    let body = format!(
        "begin
  return query
    select c.n, c.bytes
      from {about}(record, field) a
      join statehouse.file f on f.hash = a.hash
      join statehouse.file_chunk c on c.tenant = f.tenant and c.blob = f.blob
     where a.hash = wanted and c.n between first and least(last, first + 15)
     order by c.n;
end",
        about = persona.view(&format!("{relation}_file"))
    );
    let why =
        format!("Chunks of 256 KiB of a file that {} sees, at most sixteen; `wanted` is the file it was when reading began", persona.role);
    let takes = "record uuid, field text, wanted bytea, first int, last int";
    function(persona, &format!("{relation}_file_bytes"), takes, "uuid, text, bytea, int, int", "table (n int, bytes bytea)", &body, &why)
}

fn function(persona: &Persona<'_>, name: &str, takes: &str, types: &str, returns: &str, body: &str, why: &str) -> Object {
    let function = persona.view(name);
    let sql = format!(
        "set role {eye};
create function {function}({takes}) returns {returns}
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
{body} $$;
comment on function {function}({types}) is {why};
revoke execute on function {function}({types}) from public;
grant execute on function {function}({types}) to {readers};
set role statehouse_owner;
",
        eye = persona.eye(),
        why = literal(why),
        readers = readers(persona)
    );
    Object::new(Kind::Function, &persona_schema(persona.cx.app, persona.role), name, sql)
}
