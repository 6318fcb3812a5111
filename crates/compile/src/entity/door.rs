//! How a role writes: INSTEAD OF triggers that open the door, take the locks in their one order and touch the base row.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use statehouse_definition::model::{Actor, Derived, Edit};

use super::cx::persona_schema;
use super::persona::{Persona, creatable, writable};
use crate::object::{Kind, Object};
use crate::pricing;
use crate::sql::{ident, indent, literal};

/// Doors of one persona: insert, update, and those of the children.
pub fn objects(persona: &Persona<'_>) -> Vec<Object> {
    let mut objects = vec![seen(persona)];
    if creates(persona) {
        objects.push(insert(persona));
    }
    objects.push(update(persona));
    for child in persona.cx.entity.children.keys() {
        if edits_child(persona, child) {
            objects.extend(child_doors(persona, child));
        }
    }
    objects
}

fn writers(persona: &Persona<'_>) -> &'static str {
    if persona.role == "system" { "statehouse_worker" } else { "statehouse_api" }
}

fn creates(persona: &Persona<'_>) -> bool {
    persona.access.is_none_or(|a| a.create) || persona.cx.entity.access.values().any(|a| a.capability && a.create)
}

/// Entries that may speak for somebody of this role: its own and those of capabilities.
fn entries<'a>(persona: &'a Persona<'_>) -> impl Iterator<Item = &'a Edit> {
    persona.access.iter().map(|a| &a.edit).chain(persona.cx.entity.access.values().filter(|a| a.capability).map(|a| &a.edit))
}

fn edits_child(persona: &Persona<'_>, child: &str) -> bool {
    persona.role == "system"
        || entries(persona).any(|edit| match edit {
            Edit::All => true,
            Edit::ByState(states) => states.values().flatten().any(|f| f == child),
            Edit::Nothing => false,
        })
}

/// Visible fields this persona may ever write: by an edit or as the input of a verb it may fire.
fn editable<'a>(persona: &'a Persona<'_>) -> Vec<&'a str> {
    let mut fields = BTreeSet::new();
    for edit in entries(persona) {
        match edit {
            Edit::All => fields.extend(persona.cx.writable()),
            Edit::ByState(states) => fields.extend(states.values().flatten().map(String::as_str)),
            Edit::Nothing => {}
        }
    }
    for transition in persona.cx.entity.transitions.values() {
        let mine = transition.by.iter().any(|actor| match actor {
            Actor::Role(role) => role == persona.role,
            Actor::Capability(_) => persona.role != "system",
            Actor::Kind(_) => persona.role == "system",
        });
        if mine {
            fields.extend(transition.input.keys().map(String::as_str));
        }
    }
    writable(persona).into_iter().filter(|f| fields.contains(f)).collect()
}

fn definer(persona: &Persona<'_>, suffix: &str, declare: &str, body: &str, why: &str) -> (String, Object) {
    let cx = persona.cx;
    let name = format!("{}_{}_{suffix}", cx.entity.name, persona.role);
    let function = format!("{}.{}", cx.schema(), ident(&name));
    let sql = format!(
        "create function {function}() returns trigger
  language plpgsql security definer
  {settings}
as $door$
{declare}begin
{}end $door$;
comment on function {function}() is {};
grant execute on function {function}() to {};
",
        indent(body, 2),
        literal(why),
        persona.eye(),
        settings = cx.door_settings(),
    );
    (function, Object::new(Kind::Function, &cx.app.name, &name, sql))
}

/// Whether the caller's view shows a record: asked by doors that are handed an id.
fn seen(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let name = format!("{}_seen", cx.entity.name);
    let function = persona.view(&name);
    let sql = format!(
        "set role {eye};
create function {function}(wanted uuid) returns boolean
  language plpgsql stable security definer
  set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (select from {table} r where r.id = wanted);
end $$;
comment on function {function}(uuid) is 'Whether the caller sees this {entity}: row-level security is judged as {eye}';
revoke execute on function {function}(uuid) from public;
grant execute on function {function}(uuid) to statehouse_owner;
set role statehouse_owner;
",
        eye = persona.eye(),
        table = cx.table(),
        entity = cx.entity.name
    );
    Object::new(Kind::Function, &persona_schema(cx.app, persona.role), &name, sql)
}

fn trigger(persona: &Persona<'_>, relation: &str, event: &str, function: &str, grants: &str) -> Object {
    let view = persona.view(relation);
    let sql = format!(
        "set role {};\ncreate trigger door_{event} instead of {event} on {view} for each row execute function {function}();\n{grants}set role statehouse_owner;\n",
        persona.eye()
    );
    Object::on(Kind::Trigger, &persona_schema(persona.cx.app, persona.role), relation, &format!("door_{event}"), sql)
}

/// What comes back: the row as this persona now sees it.
fn returning(persona: &Persona<'_>, wanted: impl Fn(&str) -> bool) -> (String, String) {
    let cx = persona.cx;
    let mut from = vec!["state", "entered_at", "changed_at", "version"];
    if wanted("id") {
        from.push("id");
    }
    if cx.entity.reference.is_some() && wanted("reference") {
        from.push("reference");
    }
    let mut reads: Vec<String> = from.iter().map(|c| format!("b.{c}")).collect();
    let mut into: Vec<String> = from.iter().map(|c| format!("new.{c}")).collect();
    for field in persona.visible().into_iter().filter(|f| wanted(f)) {
        reads.push(persona.read(field, field, "b", "b"));
        into.push(format!("new.{}", ident(field)));
    }
    (reads.join(", "), into.join(", "))
}

fn insert(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let system = persona.role == "system";
    let mut fields: Vec<String> = creatable(persona).into_iter().map(ident).collect();
    if system {
        fields.splice(0..0, ["id", "state", "entered_at"].map(str::to_owned));
    }
    let values: Vec<String> = fields.iter().map(|f| format!("new.{f}")).collect();
    let (reads, into) = returning(persona, |_| true);
    let body = format!(
        "if c.role is distinct from {role} or c.app is distinct from {app} then
  perform statehouse.refuse('SH2006', 'this door is for {role_name}', jsonb_build_object('entity', {entity}), 'use the schema of your own role');
end if;
perform statehouse.open_door(c);
insert into {table} as b ({columns})
values ({values})
returning {reads}
     into {into};
return new;",
        role = literal(persona.role),
        role_name = persona.role,
        app = literal(&cx.app.name),
        entity = literal(&cx.qualified()),
        table = cx.table(),
        columns = fields.join(", "),
        values = values.join(", ")
    );
    let why = format!("A new {} by {}", cx.entity.name, persona.role);
    let (function, object) = definer(persona, "insert", "declare\n  c constant statehouse.context := statehouse.ctx();\n", &body, &why);
    let grants = format!("grant insert ({}) on {} to {};\n", fields.join(", "), persona.view(&cx.entity.name), writers(persona));
    merge(object, trigger(persona, &cx.entity.name, "insert", &function, &grants))
}

/// The door's function and the trigger that hangs it on the view are one object to a reader.
fn merge(mut function: Object, trigger: Object) -> Object {
    function.sql.push_str(&trigger.sql);
    function
}

fn update(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let fields = editable(persona);
    let mut body = right_door(persona);
    body.push_str("if new.version <> old.version then\n");
    let _ = writeln!(body, "  perform statehouse.refuse_stale({}, old.id, old.version, new.version);\nend if;", literal(&cx.qualified()));
    let _ = writeln!(body, "if new.fire like '~%' then new.fire := 'none'; end if;   -- the engine's own word");
    let changed = row_differs(&fields);
    let _ = writeln!(body, "edits := {changed};");
    body.push_str(
        "if new.fire is null and new.input is null and not edits then return null; end if;   -- nothing asked, nothing written\n",
    );
    body.push_str(&key(persona, &fields));
    body.push_str(&locks(persona));
    body.push_str(&write(persona, &fields));
    body.push_str("new.fire := null;\nnew.input := null;\nnew.key := null;\nreturn new;");
    let declare = "declare\n  tenant_ constant int := statehouse.open_door(old.seen_by);   -- as the very session that saw the row\n  edits   boolean;\n  fingerprint_ bytea;\n";
    let why = format!("A move or an edit by {}", persona.role);
    let (function, object) = definer(persona, "update", declare, &body, &why);
    let mut columns = vec!["fire".to_owned(), "input".to_owned(), "key".to_owned(), "version".to_owned(), "state".to_owned()];
    columns.extend(fields.iter().map(|f| ident(f)));
    let grants = format!("grant update ({}) on {} to {};\n", columns.join(", "), persona.view(&cx.entity.name), writers(persona));
    merge(object, trigger(persona, &cx.entity.name, "update", &function, &grants))
}

/// A session of another role never saw this row through this view, whatever the statement did in between.
fn right_door(persona: &Persona<'_>) -> String {
    format!(
        "if (old.seen_by).role is distinct from {} or (old.seen_by).app is distinct from {} then\n  perform statehouse.refuse('SH2005', 'the session changed within the statement', '{{}}', 'run the statement again under one session');\nend if;\n",
        literal(persona.role),
        literal(&persona.cx.app.name)
    )
}

/// ` and (b.rep = …)`, or nothing for who sees all.
fn in_slice(persona: &Persona<'_>, row: &str) -> String {
    let slice = persona.slice(row, "old.seen_by");
    if slice == "true" { String::new() } else { format!(" and ({slice})") }
}

fn row_differs(fields: &[&str]) -> String {
    let mut columns: Vec<String> = vec!["state".to_owned()];
    columns.extend(fields.iter().map(|f| ident(f)));
    let side = |row: &str| columns.iter().map(|c| format!("{row}.{c}")).collect::<Vec<_>>().join(", ");
    format!("({}) is distinct from\n         ({})", side("new"), side("old"))
}

/// The key is claimed before the move and in its transaction; a duplicate waits for the first and then answers as it did.
fn key(persona: &Persona<'_>, fields: &[&str]) -> String {
    let cx = persona.cx;
    let mut parts = vec!["'fire', new.fire".to_owned(), "'input', new.input".to_owned(), "'id', old.id".to_owned()];
    parts.push(
        "'edits', case when edits then to_jsonb(new) - '{key,seen_by,fire,input,version,entered_at,changed_at}'::text[] end".to_owned(),
    );
    let _ = fields;
    format!(
        "if new.key is not null then
  fingerprint_ := sha256(convert_to(jsonb_build_object({parts})::text, 'UTF8'));
  insert into statehouse.key (tenant, actor, key, fingerprint, entity, record, seq, at)
  values (tenant_, (old.seen_by).actor, new.key, fingerprint_, {entity}, old.id, old.version + 1, statehouse.now())
  on conflict do nothing;
  if not found then
    new.version := statehouse.seen_key(tenant_, (old.seen_by).actor, new.key, fingerprint_);
    new.fire := null;
    new.input := null;
    return new;
  end if;
end if;
",
        parts = parts.join(", "),
        entity = literal(&cx.qualified())
    )
}

/// Lock targets of verbs with a guard over a set of records: written before the record itself is touched.
fn locks(persona: &Persona<'_>) -> String {
    let mut body = String::new();
    for (verb, transition) in &persona.cx.entity.transitions {
        if let Some(lock) = &transition.lock {
            let target = format!("b.{}", ident(lock));
            let _ = writeln!(
                body,
                "if new.fire = {verb} or new.fire is null and new.state = {to} then   -- the guard looks at a set\n  perform statehouse.take_lock(tenant_, (select {target} from {table} b where b.tenant = tenant_ and b.id = old.id));\nend if;",
                verb = literal(verb),
                to = literal(transition.to.as_deref().unwrap_or("")),
                table = persona.cx.table()
            );
        }
    }
    body
}

/// The row is as it was seen, but not in the slice of the session that now acts: two sessions were mixed.
fn switched(persona: &Persona<'_>) -> String {
    if in_slice(persona, "b").is_empty() {
        return String::new();
    }
    format!(
        "  if exists (select from {} b where b.tenant = tenant_ and b.id = old.id and b.version = old.version) then\n    perform statehouse.refuse('SH2005', 'the session changed within the statement', '{{}}', 'run the statement again under one session');\n  end if;\n",
        persona.cx.table()
    )
}

/// Fields that some move may change, or unmask, without an edit.
fn moving<'a>(persona: &'a Persona<'_>) -> BTreeSet<&'a str> {
    let entity = persona.cx.entity;
    let carried = entity.transitions.values().flat_map(|t| t.input.keys().chain(t.set.keys())).map(String::as_str);
    let derived = entity.fields.iter().filter(|(_, f)| matches!(f.derived, Some(Derived::Computed(_)))).map(|(n, _)| n.as_str());
    let masked = entity.fields.keys().map(String::as_str).filter(|f| !persona.masked_in(f).is_empty());
    carried.chain(derived).chain(masked).collect()
}

fn write(persona: &Persona<'_>, fields: &[&str]) -> String {
    let cx = persona.cx;
    let moving = moving(persona);
    let with_edits: Vec<String> = fields
        .iter()
        .map(|f| {
            let masked = persona.masked_in(f);
            let column = ident(f);
            if masked.is_empty() {
                format!("{column} = new.{column}")
            } else {
                format!("{column} = case when new.{column} is distinct from old.{column} then new.{column} else b.{column} end")
            }
        })
        .collect();
    let statement = |sets: &str, wanted: &dyn Fn(&str) -> bool| {
        let (reads, into) = returning(persona, wanted);
        format!(
            "update {table} b set {sets}\n where b.tenant = tenant_ and b.id = old.id and b.version = old.version{slice}\nreturning {reads}\n     into {into};\n",
            table = cx.table(),
            slice = in_slice(persona, "b")
        )
    };
    let mut edits = vec!["fire = new.fire".to_owned(), "input = new.input".to_owned(), "state = new.state".to_owned()];
    edits.extend(with_edits);
    format!(
        "if edits then\n{}else\n{}end if;\nif not found then\n{}  perform statehouse.refuse_stale({}, old.id, null, old.version);\nend if;\n",
        indent(&statement(&edits.join(", "), &|_| true), 2),
        indent(&statement("fire = new.fire, input = new.input", &|f| moving.contains(f)), 2),
        switched(persona),
        literal(&cx.qualified())
    )
}

/// The record is locked before its rows are touched, and must still be in the slice once the lock is held.
fn locked_parent(persona: &Persona<'_>, tenant: &str, id: &str, seen: &str) -> String {
    let slice = persona.slice("p", seen);
    let slice = if slice == "true" { String::new() } else { format!(" and ({slice})") };
    format!(
        "perform from {table} p where p.tenant = {tenant} and p.id = {id}{slice} for no key update;\nif not found then\n  perform statehouse.refuse('SH1002', 'no such {name}', jsonb_build_object('entity', {entity}), 'name a record you can see');\nend if;\n",
        table = persona.cx.table(),
        name = persona.cx.entity.name,
        entity = literal(&persona.cx.qualified())
    )
}

fn child_doors(persona: &Persona<'_>, child: &str) -> Vec<Object> {
    let cx = persona.cx;
    let plain = cx.child_table(child);
    let table = format!("{}.{}", cx.schema(), ident(&plain));
    let parent = ident(&cx.entity.name);
    let derived: BTreeSet<&str> = pricing::priced_fields(&cx.entity.children[child]).into_iter().collect();
    let fields: Vec<&str> = persona.visible_child(child).into_iter().filter(|f| !derived.contains(f)).collect();
    let mut columns: Vec<String> = fields.iter().map(|f| ident(f)).collect();
    let reads = |columns: &[String]| columns.iter().map(|c| format!("b.{c}")).collect::<Vec<_>>().join(", ");
    let back: Vec<String> = ["id".to_owned(), "position".to_owned()]
        .into_iter()
        .chain(persona.visible_child(child).into_iter().filter(|f| persona.masked_in(&format!("{child}.{f}")).is_empty()).map(ident))
        .collect();
    let into = |columns: &[String]| columns.iter().map(|c| format!("new.{c}")).collect::<Vec<_>>().join(", ");
    let mut insert: Vec<String> = vec![parent.clone(), "position".to_owned()];
    if persona.role == "system" {
        insert.push("id".to_owned());
    }
    insert.append(&mut columns.clone());
    let check_role = format!(
        "if c.role is distinct from {} or c.app is distinct from {} or not {}(new.{parent}) then\n  perform statehouse.refuse('SH1002', 'no such {}', jsonb_build_object('entity', {}), 'name a record you can see');\nend if;\nperform statehouse.open_door(c);\n{}",
        literal(persona.role),
        literal(&cx.app.name),
        persona.view(&format!("{}_seen", cx.entity.name)),
        cx.entity.name,
        literal(&cx.qualified()),
        locked_parent(persona, "c.tenant", &format!("new.{parent}"), "c")
    );
    let refresh = format!(
        "select {} into {} from {table} b where b.tenant = {{tenant}} and b.id = new.id;   -- priced by its record by now\nreturn new;",
        reads(&back),
        into(&back)
    );
    let view = persona.view(&plain);
    let ctx = "declare\n  c constant statehouse.context := statehouse.ctx();\n";
    let open = "declare\n  tenant_ constant int := statehouse.open_door(old.seen_by);\n";
    let right = right_door(persona);
    let mine = locked_parent(persona, "tenant_", &format!("old.{parent}"), "old.seen_by");
    let (f1, o1) = definer(
        persona,
        &format!("{child}_insert"),
        ctx,
        &format!(
            "{check_role}insert into {table} as b ({}) values ({}) returning b.id into new.id;\n{}",
            insert.join(", "),
            into(&insert),
            refresh.replace("{tenant}", "c.tenant")
        ),
        &format!("A new row of {child} by {}", persona.role),
    );
    columns.insert(0, "position".to_owned());
    let sets: Vec<String> =
        columns.iter().map(|c| format!("{c} = case when new.{c} is distinct from old.{c} then new.{c} else b.{c} end")).collect();
    let (f2, o2) = definer(
        persona,
        &format!("{child}_update"),
        open,
        &format!(
            "{right}{mine}update {table} b set {} where b.tenant = tenant_ and b.id = old.id;\nif not found then return null; end if;\n{}",
            sets.join(", "),
            refresh.replace("{tenant}", "tenant_")
        ),
        &format!("A change of {child} by {}", persona.role),
    );
    let (f3, o3) = definer(
        persona,
        &format!("{child}_delete"),
        open,
        &format!(
            "{right}{mine}delete from {table} b where b.tenant = tenant_ and b.id = old.id;\nif not found then return null; end if;\nreturn old;"
        ),
        &format!("A removal from {child} by {}", persona.role),
    );
    let who = writers(persona);
    vec![
        merge(o1, trigger(persona, &plain, "insert", &f1, &format!("grant insert ({}) on {view} to {who};\n", insert.join(", ")))),
        merge(o2, trigger(persona, &plain, "update", &f2, &format!("grant update ({}) on {view} to {who};\n", columns.join(", ")))),
        merge(o3, trigger(persona, &plain, "delete", &f3, &format!("grant delete on {view} to {who};\n"))),
    ]
}
