//! Links, forms and schedules of app.yaml.

use serde_json::{Value, json};

use super::parts::{self, label, name_pattern, names, object, some};
use crate::model::{App, Through};
use crate::read::WEEKDAYS;

/// One purpose of signed links.
pub(super) fn link(app: &App) -> Value {
    let verbs = app.entities.values().flat_map(|entity| entity.transitions.keys());
    object(
        json!({
            "label": label(app),
            "entity": names(app.entities.keys()),
            "role": names(held(app, Through::Link)),
            "by": some(names(held(app, Through::Membership).chain(app.capabilities.keys()))),
            "expires": parts::duration(),
            "uses": { "type": "integer", "minimum": 1, "description": "how many moves it is good for, at most 1000" },
            "verbs": some(names(verbs)),
        }),
        &["entity", "role", "by", "expires"],
    )
}

/// One form.
pub(super) fn form(app: &App) -> Value {
    let fields = app.entities.values().flat_map(|entity| entity.fields.keys());
    object(
        json!({
            "label": label(app),
            "entity": names(app.entities.keys()),
            "role": names(held(app, Through::Form)),
            "fields": some(names(fields)),
            "honeypot": { "type": "string", "pattern": name_pattern(), "description": "people do not see it; what fills it in is thrown away" },
            "limit": rate("how often one address may send it"),
            "cap": rate("how often all together may send it to one tenant"),
            "thanks": label(app),
        }),
        &["entity", "role", "fields", "limit", "cap"],
    )
}

fn held(app: &App, by: Through) -> impl Iterator<Item = &String> {
    app.roles.iter().filter(move |(_, role)| role.by == by).map(|(name, _)| name)
}

fn rate(description: &str) -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+ per (minute|hour|day)$", "description": description })
}

/// One schedule.
pub(super) fn schedule(app: &App) -> Value {
    let fire = object(
        json!({
            "entity": names(app.entities.keys()),
            "verb": names(app.entities.values().flat_map(|entity| entity.transitions.keys())),
            "where": parts::expression("which records; all in a state that the verb leaves, without it"),
        }),
        &["entity", "verb"],
    );
    object(
        json!({
            "label": label(app),
            "cron": { "type": "string", "examples": ["0 8 * * *", "*/15 9-17 * * mon-fri"] },
            "zone": { "type": "string", "examples": ["Europe/Warsaw", "UTC"] },
            "calendar": names(app.calendars.keys()),
            "off_day": { "enum": ["skip", "next", "previous"] },
            "catch_up": { "enum": ["once", "all", "skip"] },
            "skipped_hour": { "enum": ["later", "skip"] },
            "doubled_hour": { "enum": ["first", "both"] },
            "fire": fire,
        }),
        &["cron", "fire"],
    )
}

/// One calendar.
pub(super) fn calendar() -> Value {
    object(json!({ "weekend": some(names(WEEKDAYS.map(|(name, _)| name))), "holidays": some(parts::date()) }), &[])
}
