//! The paths every app has, whatever its definition. One file a folder of routes.

mod events;
mod inbound;
mod links;
mod outside;
mod people;
mod queue;
mod rules;
mod service;
mod session;
mod subscriptions;

use super::document::Document;
use super::sight::Viewer;

/// What a role may ask for.
pub fn for_viewer(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    queue::write(document, viewer);
    events::write(document, viewer);
    subscriptions::write(document, viewer);
    super::files::uploads(document);
    people::write(document, viewer);
    rules::write(document, viewer);
    links::write(document, viewer);
    outside::write(document, viewer);
    session::write(document);
    for_nobody(document);
}

/// What anybody may ask for.
pub fn for_nobody(document: &mut Document<'_>) {
    session::open(document);
    links::open(document);
    inbound::open(document);
    service::open(document);
}
