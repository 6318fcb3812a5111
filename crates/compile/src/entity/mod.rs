//! One entity becomes a table, a readable law, and per role a schema of views with doors.
//!
//! `table` the columns and constraints · `law` the verdict before the row · `consequences` what follows from it ·
//! `child` rows owned by a record · `persona` what each role sees · `door` how a role writes.

mod bulk;
mod child;
mod consequences;
mod cx;
mod derived;
mod door;
mod erase;
mod file;
mod law;
mod outside;
mod persona;
mod reach;
mod retiring;
mod table;
mod verbs;

use statehouse_definition::expr;
use statehouse_definition::model::{App, Span};

use crate::object::{Kind, Object};
use crate::plan::Mapping;
use crate::sql::{ident, literal};
use crate::{pricing, schedule};

pub use cx::{Cx, eye, persona_schema, roles_of};
pub use reach::{ChildReach, Reach, reach};

/// An expression that could not be printed; `check` finds it first.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{fault} in {}:{}:{}", at.file, at.line, at.column)]
pub struct CompileFault {
    /// Where the expression was written.
    pub at: Box<Span>,
    /// What is wrong with it.
    pub fault: Box<expr::Fault>,
}

impl CompileFault {
    /// A fault of the expression written at `at`.
    pub fn new(at: &Span, fault: expr::Fault) -> Self {
        Self { at: Box::new(at.clone()), fault: Box::new(fault) }
    }
}

/// All objects of an app, in an order in which they can be created.
pub(crate) fn app(app: &App, mapping: &Mapping) -> Result<Vec<Object>, CompileFault> {
    let app = &retiring::widened(app, mapping);
    let mut objects = schemas(app);
    objects.extend(pricing::rule_objects(app)?);
    let entities: Vec<Cx<'_>> = app.entities.values().map(|entity| Cx::new(app, entity).retiring(mapping)).collect();
    for cx in &entities {
        objects.extend(table::objects(cx)?);
    }
    for cx in &entities {
        objects.extend(table::references(cx));
        objects.extend(child::tables(cx)?);
    }
    objects.extend(persona::sets(app)?);
    objects.extend(outside::objects(app));
    for cx in &entities {
        objects.extend(pricing::priced_objects(app, cx.entity)?);
        objects.extend(law::objects(cx)?);
        objects.extend(consequences::objects(cx)?);
        objects.extend(child::objects(cx)?);
        objects.extend(erase::object(cx));
        objects.extend(file::objects(cx));
    }
    objects.extend(schedule::objects(app, mapping)?);
    objects.extend(file::policies(app));
    for cx in &entities {
        for role in roles_of(app) {
            objects.extend(persona::objects(cx, &role)?);
        }
    }
    Ok(objects)
}

/// The app's schema, one role and schema per persona, and the version its events carry.
fn schemas(app: &App) -> Vec<Object> {
    let name = &app.name;
    let mut objects = vec![Object::new(
        Kind::Schema,
        "",
        name,
        format!(
            "reset role;\ncreate schema {0} authorization statehouse_owner;\ncomment on schema {0} is {1};\ngrant usage on schema {0} to statehouse_backup;\nset role statehouse_owner;\n",
            ident(name),
            literal(&format!("The app {name}: its records and their law"))
        ),
    )];
    for role in roles_of(app) {
        let (schema, eye) = (ident(&persona_schema(app, &role)), ident(&eye(app, &role)));
        let logins = if role == "system" { "statehouse_worker" } else { "statehouse_api, statehouse_read, statehouse_agent" };
        objects.push(Object::new(
            Kind::Role,
            "",
            &self::eye(app, &role),
            format!(
                "reset role;\ndo $$ begin\n  create role {eye} nologin nosuperuser nocreatedb nocreaterole noinherit nobypassrls;\n\
                 exception when duplicate_object or unique_violation then null;   -- another database of this cluster made it first\nend $$;\n\
                 comment on role {eye} is {why};\n\
                 grant usage on schema statehouse, {app} to {eye};\n\
                 grant execute on function statehouse.ctx(), statehouse.actor(), statehouse.tenant_as(text, text),\n  \
                 statehouse.tenant_as_holder(text, text, text), statehouse.me_as(text, text, text), statehouse.redact(jsonb, text[]) to {eye};\n\
                 set role statehouse_owner;\n",
                app = ident(name),
                why = literal(&format!("Owns the views of {role} in {name}; row-level security is judged as this role"))
            ),
        ));
        objects.push(Object::new(
            Kind::Schema,
            "",
            &persona_schema(app, &role),
            format!(
                "reset role;\ncreate schema {schema} authorization {eye};\ncomment on schema {schema} is {why};\n\
                 grant usage on schema {schema} to {logins}, statehouse_owner;\nset role statehouse_owner;\n",
                why = literal(&format!("What {role} sees and does in {name}"))
            ),
        ));
    }
    objects.push(Object::new(
        Kind::Function,
        name,
        "definition",
        format!(
            "create function {0}.definition() returns int\n  language sql immutable parallel safe\n  return 0;\n\
             comment on function {0}.definition() is 'The version of the definition in force; apply writes it anew';\n",
            ident(name)
        ),
    ));
    objects
}
