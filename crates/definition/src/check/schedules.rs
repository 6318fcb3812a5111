//! SH3061: a schedule has times, working days and a verb that the engine may fire.

use crate::check::{Judge, expressions, keys};
use crate::cron::Cron;
use crate::finding::Finding;
use crate::model::{Actor, Expr, Kind, Schedule, Span};
use crate::read::words;

/// Days a calendar may name.
const HOLIDAYS_MOST: usize = 2_000;

pub(super) fn judge(judge: &mut Judge<'_>) {
    let app = judge.app;
    for (name, schedule) in &app.schedules {
        times(judge, name, schedule);
        fire(judge, name, schedule);
    }
    for (name, calendar) in &app.calendars {
        let place = |key: &str| app.places.value(&format!("app/calendars/{name}/{key}"));
        if calendar.weekend.len() >= 7 {
            wrong(judge, &place("weekend"), format!("`{name}` has no working day"), "leave at least one day of the week");
        }
        if calendar.holidays.len() > HOLIDAYS_MOST {
            wrong(judge, &place("holidays"), format!("`{name}` has more than {HOLIDAYS_MOST} holidays"), "leave out years that are over");
        }
        for (n, day) in calendar.holidays.iter().enumerate().filter(|(_, day)| !words::is_date(day)) {
            wrong(judge, &place(&format!("holidays/{n}")), format!("`{day}` is no day"), "write a day that exists, such as `2026-12-25`");
        }
    }
}

fn wrong(judge: &mut Judge<'_>, at: &Span, message: String, help: &str) {
    judge.push(Finding::error("SH3061", at, message).help(help));
}

fn times(judge: &mut Judge<'_>, name: &str, schedule: &Schedule) {
    let app = judge.app;
    let place = |key: &str| app.places.value(&format!("app/schedules/{name}/{key}"));
    if let Err(fault) = Cron::parse(&schedule.cron) {
        let written = Expr { text: schedule.cron.clone(), at: place("cron") };
        let at = app.places.within(&written, fault.at.start, fault.at.len());
        wrong(judge, &at, fault.why, &fault.help);
    }
    if let Some(zone) = schedule.zone.as_deref().filter(|zone| !words::is_zone(zone)) {
        let finding = Finding::error("SH3006", &place("zone"), format!("`{zone}` is not a time zone"));
        judge.push(finding.help("write a name such as `Europe/Warsaw`, or `UTC`"));
    }
    match &schedule.calendar {
        Some(calendar) if !app.calendars.contains_key(calendar) => {
            let finding = Finding::error("SH3061", &place("calendar"), format!("no calendar `{calendar}`"));
            judge.push(finding.nearest(calendar, keys(&app.calendars), "add it under `calendars`"));
        }
        None if app.places.has(&format!("app/schedules/{name}/off_day")) => {
            let at = app.places.key(&format!("app/schedules/{name}/off_day"));
            wrong(judge, &at, format!("`{name}` has no calendar, and no day is off"), "add `calendar: NAME`, or leave `off_day` out");
        }
        _ => {}
    }
}

fn fire(judge: &mut Judge<'_>, name: &str, schedule: &Schedule) {
    let app = judge.app;
    let place = |key: &str| app.places.value(&format!("app/schedules/{name}/fire/{key}"));
    let fire = &schedule.fire;
    let Some(entity) = judge.entity(&fire.entity, &place("entity")) else { return };
    let at = place("verb");
    match entity.transitions.get(&fire.verb) {
        None => {
            let finding = Finding::error("SH3014", &at, format!("`{}` has no verb `{}`", entity.name, fire.verb));
            judge.push(finding.nearest(&fire.verb, keys(&entity.transitions), "add it under `transitions`"));
        }
        Some(transition) if !transition.by.contains(&Actor::Kind(Kind::System)) => {
            let help = format!("add `system` to `by` of `{}`", fire.verb);
            wrong(judge, &at, format!("`{}` is not fired by the engine", fire.verb), &help);
        }
        Some(transition) => {
            if let Some((input, _)) = transition.input.iter().find(|(_, input)| input.required) {
                let message = format!("`{}` needs `{input}`, which a schedule does not bring", fire.verb);
                wrong(judge, &at, message, "name a verb without a required input");
            }
        }
    }
    if let Some(only) = &fire.only {
        expressions::picks(judge, entity, only);
    }
}
