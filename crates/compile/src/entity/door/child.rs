//! The doors for rows a record owns: each locks its record first, and hands back what the record's move made of the row.

use std::collections::BTreeSet;

use statehouse_definition::model::{Edit, Field};

use super::{definer, entries, given, in_slice, merge, right_door, trigger, writers};
use crate::entity::persona::Persona;
use crate::object::Object;
use crate::pricing;
use crate::sql::{ident, literal};

const ENTERED: &str = "declare\n  c constant statehouse.context := statehouse.ctx();\n";
const SEEN: &str = "declare\n  tenant_ constant int := statehouse.open_door(old.seen_by);\n";

/// One child as one persona writes it.
struct Door<'a> {
    persona: &'a Persona<'a>,
    child: &'a str,
    /// `order_lines`, the name of the table and of the view.
    plain: String,
    /// `orders.order_lines`.
    table: String,
    /// The column that names the record.
    parent: String,
    /// Columns a person writes, quoted.
    columns: Vec<String>,
}

/// Insert, update and delete; none for who may never change the rows.
pub(super) fn doors(persona: &Persona<'_>, child: &str) -> Vec<Object> {
    if !edits(persona, child) {
        return Vec::new();
    }
    let door = Door::new(persona, child);
    vec![door.insert(), door.update(), door.delete()]
}

/// Whether somebody of this role may ever change the rows.
pub fn edits(persona: &Persona<'_>, child: &str) -> bool {
    persona.role == "system"
        || entries(persona).any(|edit| match edit {
            Edit::All => true,
            Edit::ByState(states) => states.values().flatten().any(|f| f == child),
            Edit::Nothing => false,
        })
}

fn row(alias: &str, columns: &[String]) -> String {
    columns.iter().map(|column| format!("{alias}.{column}")).collect::<Vec<_>>().join(", ")
}

impl<'a> Door<'a> {
    fn new(persona: &'a Persona<'a>, child: &'a str) -> Self {
        let cx = persona.cx;
        let plain = cx.child_table(child);
        let derived: BTreeSet<&str> = pricing::priced_fields(&cx.entity.children[child]).into_iter().collect();
        let columns = persona.visible_child(child).into_iter().filter(|f| !derived.contains(f)).map(ident).collect();
        let table = format!("{}.{}", cx.schema(), ident(&plain));
        Self { persona, child, table, parent: ident(&cx.entity.name), plain, columns }
    }

    /// The child's fields that a person writes.
    fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        let fields = self.persona.cx.entity.children[self.child].fields.iter();
        fields.map(|(name, field)| (name.as_str(), field)).filter(|(name, _)| self.columns.contains(&ident(name)))
    }

    fn insert(&self) -> Object {
        let persona = self.persona;
        let mut columns: Vec<String> = vec![self.parent.clone(), "position".to_owned()];
        if persona.role == "system" {
            columns.push("id".to_owned());
        }
        columns.extend(self.columns.iter().cloned());
        let body = format!(
            "{}{}insert into {} as b ({}) values ({}) returning b.id into new.id;\n{}",
            self.admitted(),
            given::new_row(persona, self.fields(), ("c.tenant", "c")),
            self.table,
            columns.join(", "),
            row("new", &columns),
            self.refreshed("c.tenant")
        );
        let grant = format!("insert ({})", columns.join(", "));
        self.door("insert", ENTERED, &body, &format!("A new row of {} by {}", self.child, persona.role), &grant)
    }

    fn update(&self) -> Object {
        let mut columns = vec!["position".to_owned()];
        columns.extend(self.columns.iter().cloned());
        let sets: Vec<String> =
            columns.iter().map(|c| format!("{c} = case when new.{c} is distinct from old.{c} then new.{c} else b.{c} end")).collect();
        let body = format!(
            "{}{}update {} b set {} where b.tenant = tenant_ and b.id = old.id;\nif not found then return null; end if;\n{}",
            self.mine(),
            given::changed(self.persona, self.fields(), ("tenant_", "old.seen_by")),
            self.table,
            sets.join(", "),
            self.refreshed("tenant_")
        );
        let grant = format!("update ({})", columns.join(", "));
        self.door("update", SEEN, &body, &format!("A change of {} by {}", self.child, self.persona.role), &grant)
    }

    fn delete(&self) -> Object {
        let body = format!(
            "{}delete from {} b where b.tenant = tenant_ and b.id = old.id;\nif not found then return null; end if;\nreturn old;",
            self.mine(),
            self.table
        );
        self.door("delete", SEEN, &body, &format!("A removal from {} by {}", self.child, self.persona.role), "delete")
    }

    fn door(&self, event: &str, declare: &str, body: &str, why: &str, grant: &str) -> Object {
        let (function, object) = definer(self.persona, &format!("{}_{event}", self.child), declare, body, why);
        let grant = format!("grant {grant} on {} to {};\n", self.persona.view(&self.plain), writers(self.persona));
        merge(object, trigger(self.persona, &self.plain, event, &function, &grant))
    }

    /// A new row names its record: the caller must be of this role and see it.
    fn admitted(&self) -> String {
        let (persona, cx) = (self.persona, self.persona.cx);
        format!(
            "if c.role is distinct from {} or c.app is distinct from {} or not {}(new.{parent}) then\n{}end if;\nperform statehouse.open_door(c);\n{}",
            literal(persona.role),
            literal(&cx.app.name),
            persona.view(&format!("{}_seen", cx.entity.name)),
            self.refused(),
            self.locked("c.tenant", &format!("new.{}", self.parent), "c"),
            parent = self.parent
        )
    }

    /// A row that was seen acts as the session that saw it.
    fn mine(&self) -> String {
        right_door(self.persona) + &self.locked("tenant_", &format!("old.{}", self.parent), "old.seen_by")
    }

    /// The record is locked before its rows are touched, and must still be in the slice once the lock is held.
    fn locked(&self, tenant: &str, id: &str, seen: &str) -> String {
        format!(
            "perform from {table} p where p.tenant = {tenant} and p.id = {id}{slice} for no key update;\nif not found then\n{refused}end if;\n",
            table = self.persona.cx.table(),
            slice = in_slice(self.persona, "p", seen),
            refused = self.refused()
        )
    }

    fn refused(&self) -> String {
        let cx = self.persona.cx;
        format!(
            "  perform statehouse.refuse('SH1002', 'no such {}', jsonb_build_object('entity', {}), 'name a record you can see');\n",
            cx.entity.name,
            literal(&cx.qualified())
        )
    }

    /// The row as it is after its record was worked out anew, without what a state may hide.
    fn refreshed(&self, tenant: &str) -> String {
        let rows = self.persona.masked_in(self.child).is_empty();
        let open = |field: &&str| rows && self.persona.masked_in(&format!("{}.{field}", self.child)).is_empty();
        let fields = self.persona.visible_child(self.child).into_iter().filter(open).map(ident);
        let back: Vec<String> = ["id".to_owned(), "position".to_owned()].into_iter().chain(fields).collect();
        format!(
            "select {} into {} from {} b where b.tenant = {tenant} and b.id = new.id;   -- priced by its record by now\nreturn new;",
            row("b", &back),
            row("new", &back),
            self.table
        )
    }
}
