//! What a role sees: policies judged as the role's own eye, and views without what it may not know.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use statehouse_definition::expr::Purpose;
use statehouse_definition::model::{Access, App, FieldKind, RuleValue, See, Through};

use super::cx::{Cx, eye, persona_schema, roles_of};
use super::law::at_birth;
use super::{CompileFault, bulk, door, file};
use crate::object::{Kind, Object};
use crate::pricing;
use crate::sql::{array, dollar_quoted, ident, list, literal};

/// Sets of ids that belong to the actor: for row rules by the caller's session, for doors by the session they act as.
pub fn sets(app: &App) -> Result<Vec<Object>, CompileFault> {
    let mut objects = Vec::new();
    for (name, set) in &app.sets {
        let Some(entity) = app.entities.get(&set.of) else { continue };
        let cx = Cx::new(app, entity);
        let that = cx.print(&set.that, "r", Purpose::IdSet)?.sql;
        let body = format!("\nbegin\n  return array(select r.id from {} r where r.tenant = tenant_ and {that});\nend ", cx.table());
        let (function, of) = (format!("{}.{}", cx.schema(), ident(name)), format!("{}.{}", cx.schema(), ident(&format!("{name}_of"))));
        let sql = format!(
            "create function {of}(tenant_ int, actor_ uuid) returns uuid[]
  language plpgsql stable
as {body};
comment on function {of}(int, uuid) is {why_of};
create function {function}(as_role text) returns uuid[]
  language plpgsql stable security definer
  {settings}
as $$
declare
  c constant statehouse.context := statehouse.ctx();
begin
  if c.role <> as_role or c.app <> {app} then return '{{}}'; end if;   -- another role's session never adds to this one
  perform set_config('statehouse.tenant', c.tenant::text, true);
  return {of}(c.tenant, c.actor);
end $$;
comment on function {function}(text) is {why};
grant execute on function {function}(text) to statehouse_api, statehouse_read, statehouse_agent, statehouse_worker, {eyes};
",
            body = dollar_quoted("", &body),
            app = literal(&app.name),
            settings = cx.door_settings(),
            eyes = roles_of(app).iter().map(|r| ident(&eye(app, r))).collect::<Vec<_>>().join(", "),
            why_of = literal(&format!("The {} that belong to an actor", set.of)),
            why = literal(&format!("The {} that belong to the caller", set.of))
        );
        objects.push(Object::new(Kind::Function, &app.name, name, sql));
    }
    Ok(objects)
}

/// One persona's share of an entity.
pub struct Persona<'a> {
    /// The entity.
    pub cx: &'a Cx<'a>,
    /// The role, or `system`.
    pub role: &'a str,
    /// Its own entry; none for `system`, which sees all.
    pub access: Option<&'a Access>,
}

impl Persona<'_> {
    /// `orders_rep`.
    pub fn schema(&self) -> String {
        ident(&persona_schema(self.cx.app, self.role))
    }

    /// `orders_rep."order"`.
    pub fn view(&self, relation: &str) -> String {
        format!("{}.{}", self.schema(), ident(relation))
    }

    /// The role that owns the views.
    pub fn eye(&self) -> String {
        ident(&eye(self.cx.app, self.role))
    }

    fn hidden(&self, path: &str) -> bool {
        self.access.is_some_and(|a| a.hide.iter().any(|h| h == path))
    }

    /// Some column of a child is hidden, so that its working is too.
    pub fn hides_some(&self, child: &str) -> bool {
        let prefix = format!("{child}.");
        self.access.is_some_and(|a| a.hide.iter().chain(a.hide_in.values().flatten()).any(|h| h.starts_with(&prefix)))
    }

    /// States in which a column reads as null, and a child as no rows.
    pub fn masked_in(&self, path: &str) -> Vec<String> {
        self.access.map_or(Vec::new(), |a| {
            a.hide_in.iter().filter(|(_, columns)| columns.iter().any(|c| c == path)).map(|(s, _)| s.clone()).collect()
        })
    }

    /// Fields this persona may know of.
    pub fn visible(&self) -> Vec<&str> {
        self.cx.entity.fields.keys().map(String::as_str).filter(|f| !self.hidden(f)).collect()
    }

    /// Children this persona may know of, in the order of the definition.
    pub fn visible_children(&self) -> impl Iterator<Item = &str> {
        self.cx.entity.children.keys().map(String::as_str).filter(|child| !self.hidden(child))
    }

    /// Fields of a child this persona may know of.
    pub fn visible_child(&self, child: &str) -> Vec<&str> {
        let fields = &self.cx.entity.children[child].fields;
        fields.keys().map(String::as_str).filter(|f| !self.hidden(&format!("{child}.{f}"))).collect()
    }

    /// A visible column of `row`, masked by the state of `state_row`.
    pub fn read(&self, path: &str, column: &str, row: &str, state_row: &str) -> String {
        let states = self.masked_in(path);
        let column = format!("{row}.{}", ident(column));
        if states.is_empty() { column } else { format!("case when {state_row}.state not in {} then {column} end", list(&states)) }
    }

    /// The persona's slice judged on a base row, under the session `seen` that a door acts as. The view judged it before,
    /// but a statement may switch sessions between the rule and the row; nothing a client says comes between this and the write.
    pub fn slice(&self, row: &str, seen: &str) -> String {
        let Some(access) = self.access else { return "true".to_owned() };
        let mut ways = vec![self.slice_of(access, row, seen)];
        for (key, access) in self.by_capability().filter(|(_, a)| !matches!(a.see, See::Nothing)) {
            ways.push(format!("{} = any (({seen}).capabilities) and {}", literal(key), self.slice_of(access, row, seen)));
        }
        if ways.iter().any(|w| w == "true") { "true".to_owned() } else { ways.join(" or ") }
    }

    fn slice_of(&self, access: &Access, row: &str, seen: &str) -> String {
        let whose = |column: &str, with: &RuleValue| match with {
            RuleValue::Linked => format!("{column} = ({seen}).record"),
            RuleValue::Actor => format!("{column} = ({seen}).actor"),
            RuleValue::Set(set) => {
                format!("{column} = any ({}.{}(({seen}).tenant, ({seen}).actor))", self.cx.schema(), ident(&format!("{set}_of")))
            }
        };
        let parts = sight(access, &format!("{row}."), whose);
        if parts.is_empty() { "true".to_owned() } else { parts.join(" and ") }
    }

    /// How somebody comes to hold the role.
    pub fn through(&self) -> Through {
        self.cx.app.roles.get(self.role).map_or(Through::Membership, |role| role.by)
    }

    /// Entries that speak for holders of a capability; who has no account has none.
    pub fn by_capability(&self) -> impl Iterator<Item = (&String, &Access)> {
        let members = self.through() == Through::Membership;
        self.cx.entity.access.iter().filter(move |(_, a)| a.capability && members)
    }

    /// Sees at least something.
    pub fn sees(&self) -> bool {
        self.access.is_none_or(|a| !matches!(a.see, See::Nothing))
    }
}

/// The look through the eye of a role that sees nothing: its view has a door and no rows.
pub fn unseen(persona: &Persona<'_>) -> Vec<Object> {
    // No session holds a capability without a name; the look-up still refuses whoever has no session.
    let nothing =
        format!("tenant = (select statehouse.tenant_as_holder({}, {}, ''))", literal(&persona.cx.app.name), literal(persona.role));
    vec![policy(persona, &persona.cx.entity.name, &format!("{}_sees", persona.role), &nothing), view(persona)]
}

/// Policies, views and doors of one role on one entity.
pub fn objects(cx: &Cx<'_>, role: &str) -> Result<Vec<Object>, CompileFault> {
    let access = cx.entity.access.get(role);
    if role != "system" && access.is_none_or(|a| a.capability) {
        return Ok(Vec::new());
    }
    let persona = Persona { cx, role, access };
    if !persona.sees() {
        return Ok(if persona.through() == Through::Form { door::form(&persona) } else { Vec::new() });
    }
    let mut objects = policies(&persona);
    objects.push(view(&persona));
    for child in persona.visible_children() {
        objects.push(child_view(&persona, child));
    }
    objects.push(history(&persona));
    objects.extend(door::objects(&persona));
    if persona.through() == Through::Membership {
        objects.extend(bulk::objects(&persona));
    }
    objects.extend(file::reading(&persona));
    Ok(objects)
}

fn policies(persona: &Persona<'_>) -> Vec<Object> {
    let cx = persona.cx;
    let (app, eye) = (literal(&cx.app.name), persona.eye());
    let role = literal(persona.role);
    let tenant = format!("tenant = (select statehouse.tenant_as({app}, {role}))");
    let me = format!("statehouse.me_as({app}, {role})");
    let sees = rule(&tenant, &me, &role, cx, persona.access);
    let mut objects = vec![policy(persona, &cx.entity.name, &format!("{}_sees", persona.role), &sees)];
    for (key, access) in persona.by_capability().filter(|(_, a)| !matches!(a.see, See::Nothing)) {
        let tenant = format!("tenant = (select statehouse.tenant_as_holder({app}, {role}, {}))", literal(key));
        let me = format!("statehouse.me_as({app}, {role}, {})", literal(key));
        let name = format!("{}_sees_by_{}", persona.role, key.replace('.', "_"));
        objects.push(policy(persona, &cx.entity.name, &name, &rule(&tenant, &me, &role, cx, Some(access))));
    }
    for child in persona.visible_children() {
        objects.push(policy(persona, &cx.child_table(child), &format!("{}_sees", persona.role), &tenant));
    }
    let history = format!("{tenant} and entity = {}", literal(&cx.qualified()));
    let sql = format!(
        "create policy {name} on statehouse.event for select to {eye} using ({history});\ngrant select on statehouse.event to {eye};\n",
        name = ident(&format!("{}_{}_{}", cx.app.name, persona.role, cx.entity.name))
    );
    objects.push(Object::on(Kind::Policy, "statehouse", "event", &format!("{}_{}_{}", cx.app.name, persona.role, cx.entity.name), sql));
    objects
}

fn policy(persona: &Persona<'_>, table: &str, name: &str, using: &str) -> Object {
    let full = format!("{}.{}", persona.cx.schema(), ident(table));
    let eye = persona.eye();
    let sql =
        format!("create policy {} on {full} for select to {eye}\n  using ({using});\ngrant select on {full} to {eye};\n", ident(name));
    Object::on(Kind::Policy, &persona.cx.app.name, table, name, sql)
}

/// What makes a row one's own: its column as `whose` tells it, and a constant list of states. `row` is `b.` or nothing.
fn sight(access: &Access, row: &str, whose: impl Fn(&str, &RuleValue) -> String) -> Vec<String> {
    let mut parts = Vec::new();
    if let See::Rule(rule) = &access.see {
        parts.push(whose(&format!("{row}{}", ident(&rule.field)), &rule.with));
    }
    if !access.only.is_empty() {
        parts.push(format!("{row}state = any ({}::text[])", array(&access.only)));
    }
    parts
}

/// The two indexable shapes. Tenant and actor come from one look-up: a statement that switched sessions between two would
/// be a third person.
fn rule(tenant: &str, me: &str, role: &str, cx: &Cx<'_>, access: Option<&Access>) -> String {
    let whose = |column: &str, with: &RuleValue| match with {
        RuleValue::Linked => format!("(tenant, {column}) = (select m.tenant, m.record from {me} m)"),
        RuleValue::Actor => format!("(tenant, {column}) = (select m.tenant, m.actor from {me} m)"),
        RuleValue::Set(set) => format!("{tenant} and {column} = any ((select {}.{}({role}))::uuid[])", cx.schema(), ident(set)),
    };
    let mut parts = access.map_or(Vec::new(), |access| sight(access, "", whose));
    if !access.is_some_and(|access| matches!(access.see, See::Rule(_))) {
        parts.insert(0, tenant.to_owned());
    }
    parts.join(" and ")
}

/// Who may read through this persona.
pub fn readers(persona: &Persona<'_>) -> &'static str {
    if persona.role == "system" { "statehouse_worker" } else { "statehouse_api, statehouse_read, statehouse_agent" }
}

/// What a role sees of the record itself.
pub fn view(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let mut columns = vec!["r.id".to_owned()];
    if cx.entity.reference.is_some() {
        columns.push("r.reference".to_owned());
    }
    for field in persona.visible() {
        let read = persona.read(field, field, "r", "r");
        columns.push(if read.starts_with("case") { format!("{read} as {}", ident(field)) } else { read });
    }
    columns.extend(["r.state", "r.entered_at", "r.changed_at", "r.version"].map(str::to_owned));
    columns.extend(
        ["null::text as fire", "null::jsonb as input", "null::text as key", "(select statehouse.ctx()) as seen_by"].map(str::to_owned),
    );
    let view = persona.view(&cx.entity.name);
    // Where there is no door for a change, Postgres is not to make one of its own.
    let fixed = if persona.sees() { "" } else { "\noffset 0" };
    let mut sql = format!(
        "create view {view} with (security_barrier) as\nselect\n  {}\nfrom {} r{fixed};\ncomment on view {view} is {};\n",
        columns.join(",\n  "),
        cx.table(),
        literal(&format!("{} as {} sees it; set fire to move one", cx.entity.name, persona.role))
    );
    let _ = writeln!(sql, "grant select on {view} to {};", readers(persona));
    Object::new(Kind::View, &persona_schema(cx.app, persona.role), &cx.entity.name, owned_by_eye(persona, &sql))
}

fn child_view(persona: &Persona<'_>, child: &str) -> Object {
    let cx = persona.cx;
    let plain = cx.child_table(child);
    let parent = ident(&cx.entity.name);
    let mut columns = vec!["c.id".to_owned(), format!("c.{parent}"), "c.position".to_owned()];
    for field in persona.visible_child(child) {
        let read = persona.read(&format!("{child}.{field}"), field, "c", "r");
        columns.push(if read.starts_with("case") { format!("{read} as {}", ident(field)) } else { read });
    }
    if !pricing::priced_fields(&cx.entity.children[child]).is_empty() && !persona.hides_some(child) {
        columns.push("c.trace".to_owned());
    }
    columns.push("(select statehouse.ctx()) as seen_by".to_owned());
    let view = persona.view(&plain);
    let masked = persona.masked_in(child);
    let shown = if masked.is_empty() { String::new() } else { format!("\nwhere r.state not in {}", list(&masked)) };
    let sql = format!(
        "create view {view} with (security_barrier) as\nselect\n  {}\nfrom {schema}.{table} c\njoin {root} r on r.tenant = c.tenant and r.id = c.{parent}{shown};\ncomment on view {view} is {why};\ngrant select on {view} to {readers};\n",
        columns.join(",\n  "),
        schema = cx.schema(),
        table = ident(&plain),
        root = cx.table(),
        why = literal(&format!("{child} of the {} {} sees", cx.entity.name, persona.role)),
        readers = readers(persona)
    );
    Object::new(Kind::View, &persona_schema(cx.app, persona.role), &plain, owned_by_eye(persona, &sql))
}

/// What happened to the records one sees, without what one may not know of them.
fn history(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let hidden: BTreeSet<String> = persona.access.map(|a| a.hide.iter().cloned().collect()).unwrap_or_default();
    let mut masks = String::new();
    if let Some(access) = persona.access {
        for (state, columns) in &access.hide_in {
            let _ =
                write!(masks, " || case when {} in (r.state, e.to_state) then {}::text[] else '{{}}' end", literal(state), array(columns));
        }
    }
    let payload = if hidden.is_empty() && masks.is_empty() {
        "e.payload".to_owned()
    } else {
        format!("statehouse.redact(e.payload, {}::text[]{masks})", array(&hidden))
    };
    // Who is not to know a member of the record is not to learn it from who moved the record.
    let shy = cx.entity.fields.iter().any(|(name, f)| f.kind == FieldKind::Member && persona.hidden(name));
    let actor = if shy { "case when e.actor = (select statehouse.actor()) then e.actor end as actor" } else { "e.actor" };
    let name = format!("{}_history", cx.entity.name);
    let view = persona.view(&name);
    let sql = format!(
        "create view {view} with (security_barrier) as\nselect e.record, e.seq, e.at, e.verb, e.from_state, e.to_state, {actor}, e.kind, e.cause, {payload} as payload, e.xid, e.n\nfrom statehouse.event e\njoin {} r on r.tenant = e.tenant and r.id = e.record\nwhere e.entity = {};\ncomment on view {view} is {};\ngrant select on {view} to {}, statehouse_owner;\n",
        cx.table(),
        literal(&cx.qualified()),
        literal(&format!("What happened to the {} records {} sees", cx.entity.name, persona.role)),
        readers(persona)
    );
    Object::new(Kind::View, &persona_schema(cx.app, persona.role), &name, owned_by_eye(persona, &sql))
}

/// Made and owned by the eye, so that row-level security is judged as the eye.
fn owned_by_eye(persona: &Persona<'_>, sql: &str) -> String {
    format!("set role {};\n{sql}set role statehouse_owner;\n", persona.eye())
}

/// Fields whose values a person may hand a new record through this persona.
pub fn creatable<'a>(persona: &'a Persona<'_>) -> Vec<&'a str> {
    let capable = persona.by_capability().map(|(_, a)| a).filter(|a| a.create);
    let given: BTreeSet<&str> = match persona.access {
        None => persona.cx.writable().into_iter().collect(),
        Some(access) => std::iter::once(access).chain(capable).flat_map(|a| at_birth(persona.cx, a)).collect(),
    };
    persona.visible().into_iter().filter(|f| given.contains(f)).collect()
}

/// Visible fields that people write at all.
pub fn writable<'a>(persona: &'a Persona<'_>) -> Vec<&'a str> {
    let writable: BTreeSet<&str> = persona.cx.writable().into_iter().collect();
    persona.visible().into_iter().filter(|f| writable.contains(f)).collect()
}
