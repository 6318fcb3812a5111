//! `schedules:` and `calendars:` of app.yaml.

use crate::finding::Finding;
use crate::model::{Calendar, CatchUp, DoubledHour, Firing, Named, OffDay, Schedule, SkippedHour, Weekday};
use crate::read::cx::{Cx, Keys};
use crate::yaml::{Entry, Node};

const KEYS: [&str; 9] = ["label", "cron", "zone", "calendar", "off_day", "catch_up", "skipped_hour", "doubled_hour", "fire"];

/// Days of the week as they are written.
pub(crate) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

pub(crate) fn schedules(cx: &mut Cx<'_>, keys: Keys<'_>) -> Named<Schedule> {
    cx.named(keys.get("schedules"), "schedules", schedule)
}

fn schedule(cx: &mut Cx<'_>, entry: &Entry) -> Option<Schedule> {
    let keys = cx.keys(&entry.value, &entry.key, "a schedule", &KEYS)?;
    let owner = format!("schedule `{}`", entry.key);
    let cron = cx.need(keys, "cron", &owner, &entry.key_at, "add `cron: \"0 8 * * *\"`: minute, hour, day, month, day of the week");
    let fire = cx.need(keys, "fire", &owner, &entry.key_at, "add `fire: { entity: ENTITY, verb: VERB }`");
    let fire = fire.and_then(|node| firing(cx, node));
    let text = |cx: &mut Cx<'_>, key: &str| keys.get(key).and_then(|node| cx.text(node, key)).map(str::to_owned);
    Some(Schedule {
        at: entry.key_at.clone(),
        label: cx.label(keys, &entry.key),
        zone: text(cx, "zone"),
        calendar: text(cx, "calendar"),
        off_day: one_of(cx, keys, "off_day", &[("skip", OffDay::Skip), ("next", OffDay::Next), ("previous", OffDay::Previous)]),
        catch_up: one_of(cx, keys, "catch_up", &[("once", CatchUp::Once), ("all", CatchUp::All), ("skip", CatchUp::Skip)]),
        skipped_hour: one_of(cx, keys, "skipped_hour", &[("later", SkippedHour::Later), ("skip", SkippedHour::Skip)]),
        doubled_hour: one_of(cx, keys, "doubled_hour", &[("first", DoubledHour::First), ("both", DoubledHour::Both)]),
        cron: cx.text(cron?, "cron")?.to_owned(),
        fire: fire?,
    })
}

fn firing(cx: &mut Cx<'_>, node: &Node) -> Option<Firing> {
    let keys = cx.keys(node, "fire", "`fire`", &["entity", "verb", "where"])?;
    let entity = cx.need(keys, "entity", "`fire`", &node.at, "add `entity: ENTITY`, whose records are moved");
    let verb = cx.need(keys, "verb", "`fire`", &node.at, "add `verb: VERB`");
    let (entity, verb) = (cx.text(entity?, "entity")?.to_owned(), cx.text(verb?, "verb")?.to_owned());
    Some(Firing { entity, verb, only: cx.expr_at(keys, "where") })
}

/// One of a few words; the usual one where none is written.
fn one_of<T: Copy + Default>(cx: &mut Cx<'_>, keys: Keys<'_>, key: &str, words: &[(&str, T)]) -> T {
    let Some(node) = keys.get(key) else { return T::default() };
    let Some(text) = cx.text(node, key) else { return T::default() };
    if let Some((_, found)) = words.iter().find(|(word, _)| *word == text) {
        return *found;
    }
    let all = || words.iter().map(|(word, _)| *word);
    let list = crate::finding::quoted_list(all());
    let finding = Finding::error("SH3006", &node.at, format!("`{key}` takes one of {list}, found `{text}`"));
    cx.push(finding.nearest(text, all(), "leave it out for what is usual"));
    T::default()
}

pub(crate) fn calendars(cx: &mut Cx<'_>, keys: Keys<'_>) -> Named<Calendar> {
    cx.named(keys.get("calendars"), "calendars", |cx, entry| {
        let keys = cx.keys(&entry.value, &entry.key, "a calendar", &["weekend", "holidays"])?;
        let days = cx.names_at(keys, "weekend");
        let weekend = days.iter().filter_map(|day| weekday(cx, keys, day)).collect();
        Some(Calendar { at: entry.key_at.clone(), weekend, holidays: cx.names_at(keys, "holidays") })
    })
}

fn weekday(cx: &mut Cx<'_>, keys: Keys<'_>, day: &str) -> Option<Weekday> {
    if let Some((_, found)) = WEEKDAYS.iter().find(|(name, _)| *name == day) {
        return Some(*found);
    }
    let node = keys.get("weekend")?;
    let finding = Finding::error("SH3006", &node.at, format!("`{day}` is no day of the week"));
    cx.push(finding.nearest(day, WEEKDAYS.map(|(name, _)| name), "write for instance `saturday`"));
    None
}
