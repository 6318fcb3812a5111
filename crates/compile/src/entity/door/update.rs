//! The door for a move or an edit.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use statehouse_definition::model::{Actor, Derived, Edit, Field, Transition};

use super::{definer, entries, given, in_slice, merge, returning, right_door, spent, trigger, writers};
use crate::entity::persona::{Persona, writable};
use crate::object::Object;
use crate::sql::{array, ident, indent, literal};

/// The function with its trigger on the persona's view.
pub(super) fn door(persona: &Persona<'_>) -> Object {
    let cx = persona.cx;
    let fields = editable(persona);
    let mut body = right_door(persona);
    let _ = writeln!(body, "if new.fire like '~%' then new.fire := 'none'; end if;   -- the engine's own word");
    let changed = row_differs(&fields);
    let _ = writeln!(body, "edits := {changed};");
    body.push_str(&key(persona, &fields));
    body.push_str(
        "if new.fire is null and new.input is null and not edits then return null; end if;   -- nothing asked, nothing written\n",
    );
    body.push_str("if new.version <> old.version then\n");
    let _ = writeln!(body, "  perform statehouse.refuse_stale({}, old.id, old.version, new.version);\nend if;", literal(&cx.qualified()));
    body.push_str(&spent(persona, "old.seen_by"));
    body.push_str(&refs(persona, &fields));
    body.push_str(&locks(persona));
    body.push_str(&write(persona, &fields));
    body.push_str("new.fire := null;\nnew.input := null;\nnew.key := null;\nreturn new;");
    let declare = "declare\n  tenant_ constant int := statehouse.open_door(old.seen_by);   -- as the very session that saw the row\n  edits   boolean;\n  asked   jsonb;\n  claimed boolean := false;\n  done    int;\n  fingerprint_ bytea;\n";
    let why = format!("A move or an edit by {}", persona.role);
    let (function, object) = definer(persona, "update", declare, &body, &why);
    let mut columns = vec!["fire".to_owned(), "input".to_owned(), "key".to_owned(), "version".to_owned(), "state".to_owned()];
    columns.extend(fields.iter().map(|f| ident(f)));
    let grants = format!("grant update ({}) on {} to {};\n", columns.join(", "), persona.view(&cx.entity.name), writers(persona));
    merge(object, trigger(persona, &cx.entity.name, "update", &function, &grants))
}

/// Visible fields this persona may ever write: by an edit or as the input of a verb it may fire.
pub fn editable<'a>(persona: &'a Persona<'_>) -> Vec<&'a str> {
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

fn row_differs(fields: &[&str]) -> String {
    let mut columns: Vec<String> = vec!["state".to_owned()];
    columns.extend(fields.iter().map(|f| ident(f)));
    let side = |row: &str| columns.iter().map(|c| format!("{row}.{c}")).collect::<Vec<_>>().join(", ");
    format!("({}) is distinct from\n         ({})", side("new"), side("old"))
}

/// The key comes before everything that may have changed since: a duplicate waits for the first and answers as it did,
/// also when the record has moved on or already holds what is asked.
fn key(persona: &Persona<'_>, fields: &[&str]) -> String {
    let cx = persona.cx;
    let columns = array(["state"].into_iter().chain(fields.iter().copied()));
    format!(
        "if new.key is not null then
  asked := case when edits then statehouse.changes(to_jsonb(old), to_jsonb(new), {columns}) else '{{}}' end;
  fingerprint_ := sha256(convert_to(jsonb_build_object('fire', new.fire, 'input', new.input, 'id', old.id)::text, 'UTF8'));
  if new.fire is not null or new.input is not null or edits then
    claimed := statehouse.claim_key(tenant_, (old.seen_by).actor, new.key, fingerprint_, asked, {entity}, old.id, old.version + 1);
  end if;
  if not claimed then
    done := statehouse.seen_key(tenant_, (old.seen_by).actor, new.key, fingerprint_, asked, to_jsonb(new));
    if done is not null then
      select e.to_state into new.state from statehouse.event e
       where e.tenant = tenant_ and e.entity = {entity} and e.record = old.id and e.seq = done;
      new.version := done;   -- the key stays, and says that this is an answer given before
      new.fire := null;
      new.input := null;
      return new;
    end if;
  end if;
end if;
",
        entity = literal(&cx.qualified())
    )
}

/// Refs that an edit changes or a move hands in.
fn refs(persona: &Persona<'_>, fields: &[&str]) -> String {
    let session = ("tenant_", "old.seen_by");
    let edited = fields.iter().filter_map(|f| persona.cx.entity.fields.get_key_value(*f)).map(|(name, f)| (name.as_str(), f));
    let edited = given::changed(persona, edited, session);
    let edited = if edited.is_empty() { edited } else { format!("if edits then\n{}end if;\n", indent(&edited, 2)) };
    edited + &given::handed(persona, "new.input", session)
}

/// Lock targets of verbs with a guard over a set of records: written before the record itself is touched.
fn locks(persona: &Persona<'_>) -> String {
    let mut body = String::new();
    for (verb, transition) in &persona.cx.entity.transitions {
        if let Some(lock) = &transition.lock {
            let target = format!("b.{}", ident(lock));
            let _ = writeln!(
                body,
                "if new.fire = {verb} or new.fire is null and coalesce(new.state, {to}) = {to} then   -- the guard looks at a set\n  perform statehouse.take_lock(tenant_, (select {target} from {table} b where b.tenant = tenant_ and b.id = old.id));\nend if;",
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
    if in_slice(persona, "b", "old.seen_by").is_empty() {
        return String::new();
    }
    format!(
        "  if exists (select from {} b where b.tenant = tenant_ and b.id = old.id and b.version = old.version) then\n    perform statehouse.refuse('SH2005', 'the session changed within the statement', '{{}}', 'run the statement again under one session');\n  end if;\n",
        persona.cx.table()
    )
}

fn feeds(transition: &Transition, hangs_on: &BTreeSet<String>) -> bool {
    transition.input.keys().chain(transition.set.keys()).any(|field| hangs_on.contains(field))
}

/// Fields that some move may change, or unmask, without an edit.
fn moving<'a>(persona: &'a Persona<'_>) -> BTreeSet<&'a str> {
    let entity = persona.cx.entity;
    let carried = entity.transitions.values().flat_map(|t| t.input.keys().chain(t.set.keys())).map(String::as_str);
    // A move whose inputs feed no rollup cannot change one, and most feed none.
    let feeds = persona.cx.derived().is_ok_and(|plan| entity.transitions.values().any(|t| feeds(t, &plan.hangs_on)));
    let moves = |f: &Field| match &f.derived {
        Some(Derived::Computed(_)) => true,
        Some(_) => feeds,
        None => false,
    };
    let derived = entity.fields.iter().filter(|(_, f)| moves(f)).map(|(n, _)| n.as_str());
    let masked = entity.fields.keys().map(String::as_str).filter(|f| !persona.masked_in(f).is_empty());
    carried.chain(derived).chain(masked).collect()
}

fn write(persona: &Persona<'_>, fields: &[&str]) -> String {
    let cx = persona.cx;
    let moving = moving(persona);
    let statement = |sets: &str, wanted: &dyn Fn(&str) -> bool| {
        let (reads, into) = returning(persona, wanted);
        format!(
            "update {table} b set {sets}\n where b.tenant = tenant_ and b.id = old.id and b.version = old.version{slice}\nreturning {reads}\n     into {into};\n",
            table = cx.table(),
            slice = in_slice(persona, "b", "old.seen_by")
        )
    };
    let mut edits = vec!["fire = new.fire".to_owned(), "input = new.input".to_owned(), "state = new.state".to_owned()];
    edits.extend(fields.iter().map(|field| assignment(persona, field)));
    format!(
        "if edits then\n{}else\n{}end if;\nif not found then\n{}  perform statehouse.refuse_stale({}, old.id, null, old.version);\nend if;\n",
        indent(&statement(&edits.join(", "), &|_| true), 2),
        indent(&statement("fire = new.fire, input = new.input", &|f| moving.contains(f)), 2),
        switched(persona),
        literal(&cx.qualified())
    )
}

/// A masked column reads as null, so only what the caller changed is written.
fn assignment(persona: &Persona<'_>, field: &str) -> String {
    let column = ident(field);
    if persona.masked_in(field).is_empty() {
        format!("{column} = new.{column}")
    } else {
        format!("{column} = case when new.{column} is distinct from old.{column} then new.{column} else b.{column} end")
    }
}
