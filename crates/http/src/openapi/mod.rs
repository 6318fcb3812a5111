//! OpenAPI 3.1 of what one role may know and do, written from the definition while the program runs.
//!
//! `sight` what a viewer may know · `document` `components` `operation` a document in the making · `types` `record` `query`
//! schemas of an entity · `entity` `moves` its paths · `fixed` the paths every app has · `serve` the route.

mod components;
mod document;
mod entity;
mod files;
mod fixed;
mod headers;
mod moves;
mod operation;
mod parameters;
mod problem;
mod query;
mod record;
mod serve;
mod sight;
#[cfg(test)]
mod tests;
mod types;

use serde_json::Value;
use statehouse_definition::App;

use document::Document;
use operation::Operation;
pub(crate) use serve::routes;
pub use sight::{Sight, Viewer};

/// The document of a viewer: only entities, fields, children and verbs that the viewer sees, edits or fires.
/// Texts are in `locale`, or in the app's first; `server` is the base of its paths.
pub fn of_viewer(viewer: &Viewer<'_>, locale: &str, server: &str) -> Value {
    let mut document = Document::new(viewer.app, locale);
    document.components.schema("File", types::file());
    for sight in viewer.entities() {
        entity::write(&mut document, &sight);
    }
    fixed::for_viewer(&mut document, viewer);
    let role = viewer.app.roles.get(viewer.role).map_or("", |role| document.say(&role.label));
    let description = format!("What `{}` ({role}) may see and do", viewer.role);
    document.finish(&description, server)
}

/// The document of whoever has not said who asks: nothing of any role.
pub fn of_nobody(app: &App, locale: &str, server: &str) -> Value {
    let mut document = Document::new(app, locale);
    fixed::for_nobody(&mut document);
    document.finish("What can be asked without credentials; with them, this document grows", server)
}
