//! Rows owned by a record: their table, who may change them, and how a change moves their record's version.

use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Child, Derived, Edit, FieldKind};

use super::cx::{Cx, trigger_function};
use super::law::holds;
use super::table::{checks, column, finite, secured};
use super::{CompileFault, file};
use crate::object::{Kind, Object};
use crate::pricing;
use crate::sql::{array, ident, literal, one_of};

/// Child tables with their foreign keys.
pub fn tables(cx: &Cx<'_>) -> Result<Vec<Object>, CompileFault> {
    cx.entity.children.iter().map(|(name, child)| table(cx, name, child)).collect()
}

fn table(cx: &Cx<'_>, name: &str, child: &Child) -> Result<Object, CompileFault> {
    let plain = cx.child_table(name);
    let table = format!("{}.{}", cx.schema(), ident(&plain));
    let parent = ident(&cx.entity.name);
    let mut lines = vec![
        "tenant int not null".to_owned(),
        "id uuid not null".to_owned(),
        format!("{parent} uuid not null"),
        "position int not null".to_owned(),
    ];
    lines.extend(child.fields.iter().map(|(field, f)| column(field, f)));
    if priced(cx, name) {
        lines.push("trace jsonb".to_owned());
    }
    lines.push(format!("constraint {} primary key (tenant, id)", ident(&format!("{plain}_pkey"))));
    lines.push(format!(
        "constraint {} foreign key (tenant, {parent}) references {}",
        ident(&format!("{plain}_{}_exists", cx.entity.name)),
        cx.table()
    ));
    lines.push(format!("constraint {} unique (tenant, {parent}, position) deferrable", ident(&format!("{plain}_position_unique"))));
    for (field, f) in &child.fields {
        lines.extend(checks(&plain, field, &f.kind));
        if let Some(expr) = &f.check {
            let printed = cx.print_child(expr, name, "", None, Purpose::Check)?;
            lines.push(format!("constraint {} check ({})", ident(&format!("{plain}_{field}_holds")), printed.sql));
        }
        if f.kind == FieldKind::File {
            lines.push(file::constraint(&plain, field));
        }
        if let FieldKind::Ref(entity) = &f.kind {
            lines.push(format!(
                "constraint {} foreign key (tenant, {}) references {}.{}",
                ident(&format!("{plain}_{field}_exists")),
                ident(field),
                cx.schema(),
                ident(entity)
            ));
        }
    }
    lines.extend(finite(&plain, child.fields.iter()));
    let title = child.label.values().next().cloned().unwrap_or_else(|| name.to_owned());
    let mut sql = format!("create table {table} (\n  {}\n);\n", lines.join(",\n  "));
    let _ = writeln!(sql, "comment on table {table} is {};", literal(&title));
    sql.push_str(&secured(&table));
    Ok(Object::new(Kind::Table, &cx.app.name, &plain, sql))
}

fn priced(cx: &Cx<'_>, child: &str) -> bool {
    !pricing::priced_fields(&cx.entity.children[child]).is_empty()
}

/// The law of each child and the touch that follows a change.
pub fn objects(cx: &Cx<'_>) -> Result<Vec<Object>, CompileFault> {
    let mut objects = Vec::new();
    for (name, child) in &cx.entity.children {
        objects.push(law(cx, name, child)?);
        objects.push(touch(cx, name));
        objects.push(triggers(cx, name));
    }
    Ok(objects)
}

const DECLARE: &str = "declare
  tenant_ constant int    := current_setting('statehouse.tenant');
  role_   constant text   := current_setting('statehouse.role');
  kind_   constant text   := current_setting('statehouse.kind');
  capabilities_ constant text[] := current_setting('statehouse.capabilities');
  state_  text;
";

/// Rights first, then what the engine fills in.
fn law(cx: &Cx<'_>, name: &str, child: &Child) -> Result<Object, CompileFault> {
    let plain = cx.child_table(name);
    let (entity, parent) = (literal(&cx.qualified()), ident(&cx.entity.name));
    let mut body = String::from(
        "if coalesce(current_setting('statehouse.pricing', true), '') = 'on' then return new; end if;   -- prices coming back
if tg_op = 'DELETE' then
  if statehouse.erased(old.tenant) then return old; end if;   -- with its whole tenant
end if;\n",
    );
    let _ = writeln!(
        body,
        "-- the record is locked first, and judged as it stands
select {state} into state_ from {table} p
 where p.tenant = tenant_ and p.id = case tg_op when 'INSERT' then new.{parent} else old.{parent} end for no key update;
if not found then
  perform statehouse.refuse('SH1002', 'no such record in this tenant', jsonb_build_object('entity', {entity}), 'name a record you can see');
end if;",
        table = cx.table(),
        state = if cx.retired.is_empty() { "p.state".to_owned() } else { cx.standing("p", "p.state")? }
    );
    let _ = writeln!(
        body,
        "if kind_ not in ('import', 'migration') and not ({}) then\n  perform statehouse.refuse_fields({entity}, case tg_op when 'INSERT' then new.{parent} else old.{parent} end, state_, {});\nend if;",
        rights(cx, name),
        array([name])
    );
    let _ = writeln!(body, "if tg_op = 'DELETE' then return old; end if;");
    let _ = writeln!(
        body,
        "if tg_op = 'UPDATE' and (new.tenant, new.id, new.{parent}) is distinct from (old.tenant, old.id, old.{parent}) then\n  perform statehouse.refuse_fields({entity}, old.{parent}, state_, '{{id,{plain_parent}}}');\nend if;",
        plain_parent = cx.entity.name
    );
    let _ = writeln!(
        body,
        "new.tenant := tenant_;
new.id := coalesce(new.id, statehouse.new_id());
if new.position is null then
  select coalesce(max(c.position), 0) + 1 into new.position from {}.{} c where c.tenant = tenant_ and c.{parent} = new.{parent};
end if;",
        cx.schema(),
        ident(&plain)
    );
    for (field, f) in &child.fields {
        if let Some(default) = &f.default {
            let printed = cx.print_child(default, name, "new", None, Purpose::Default)?;
            let _ = writeln!(body, "new.{0} := coalesce(new.{0}, {1});", ident(field), printed.sql);
        }
    }
    if priced(cx, name) {
        body.push_str("-- what is derived is written by the record's own move, never by a person\n");
        for field in pricing::priced_fields(child).into_iter().chain(["trace"]) {
            let _ = writeln!(body, "new.{0} := case tg_op when 'UPDATE' then old.{0} end;", ident(field));
        }
    } else {
        for (field, f) in &child.fields {
            if let Some(Derived::Computed(expr)) = &f.derived {
                let printed = cx.print_child(expr, name, "new", None, Purpose::Computed)?;
                let _ = writeln!(body, "new.{} := {};", ident(field), printed.sql);
            }
        }
    }
    body.push_str("return new;");
    let why = format!("Who may change the {name} of a {}, and what the engine fills in", cx.entity.name);
    Ok(trigger_function(cx, &format!("{name}_law"), &why, DECLARE, &body))
}

/// Who may change the rows, by role and the record's state.
fn rights(cx: &Cx<'_>, name: &str) -> String {
    let mut ways = Vec::new();
    for (who, access) in &cx.entity.access {
        match &access.edit {
            Edit::All => ways.push(format!("{} and {}", holds(who, access), one_of("state_", &cx.living()))),
            Edit::ByState(states) => {
                let open: Vec<String> = states.iter().filter(|(_, f)| f.iter().any(|f| f == name)).map(|(s, _)| s.clone()).collect();
                if !open.is_empty() {
                    ways.push(format!("{} and {}", holds(who, access), one_of("state_", &open)));
                }
            }
            Edit::Nothing => {}
        }
    }
    if ways.is_empty() { "false".to_owned() } else { ways.join(" or ") }
}

fn touch(cx: &Cx<'_>, name: &str) -> Object {
    let plain = cx.child_table(name);
    let function = format!("{}.{}", cx.schema(), ident(&format!("{plain}_touch")));
    let parent = ident(&cx.entity.name);
    let sql = format!(
        "create function {function}() returns trigger
  language plpgsql
as $law$
declare
  touched record;
begin
  if coalesce(current_setting('statehouse.pricing', true), '') = 'on' then return null; end if;   -- prices coming back
  if tg_op = 'DELETE' and exists (select from changed c where statehouse.erased(c.tenant)) then return null; end if;
  for touched in
    select c.tenant, c.{parent} as record,
           jsonb_build_object({name_literal}, jsonb_agg(jsonb_build_object('op', lower(tg_op)) || to_jsonb(c) - '{{tenant,trace}}'::text[] order by c.position)) as changes
      from changed c group by c.tenant, c.{parent} order by c.{parent}
  loop
    perform set_config('statehouse.touch', touched.changes::text, true);
    update {table} p set fire = '~' where p.tenant = touched.tenant and p.id = touched.record;
  end loop;
  perform set_config('statehouse.touch', '', true);
  return null;
end $law$;
comment on function {function}() is {why};
",
        name_literal = literal(name),
        table = cx.table(),
        why = literal(&format!("A change of {name} is an edit of its {}: one event, one version, totals anew", cx.entity.name))
    );
    Object::new(Kind::Function, &cx.app.name, &format!("{plain}_touch"), sql)
}

fn triggers(cx: &Cx<'_>, name: &str) -> Object {
    let plain = cx.child_table(name);
    let table = format!("{}.{}", cx.schema(), ident(&plain));
    let function = |suffix: &str| format!("{}.{}", cx.schema(), ident(&format!("{plain}_{suffix}")));
    let mut sql = format!(
        "create trigger law_1_child before insert or update or delete on {table} for each row execute function {}();\n\
         create trigger law_2_kept before truncate on {table} for each statement execute function statehouse.keep();\n",
        function("law")
    );
    for (event, which) in [("insert", "new"), ("update", "new"), ("delete", "old")] {
        let _ = writeln!(
            sql,
            "create trigger owed_{event} after {event} on {table} referencing {which} table as changed for each statement execute function {}();",
            function("touch")
        );
    }
    Object::on(Kind::Trigger, &cx.app.name, &plain, "law", sql)
}
