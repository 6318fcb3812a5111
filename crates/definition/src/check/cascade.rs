//! `each` and `auto`: what they name, and that they come to an end.

use crate::check::{Judge, keys};
use crate::finding::Finding;
use crate::model::{App, Entity, FieldKind, Transition};

pub(super) fn judge(judge: &mut Judge<'_>) {
    let app = judge.app;
    for entity in app.entities.values() {
        for (verb, transition) in &entity.transitions {
            each(judge, entity, verb, transition);
        }
    }
    loops(judge);
}

fn each(judge: &mut Judge<'_>, entity: &Entity, verb: &str, transition: &Transition) {
    for (n, cascade) in transition.each.iter().enumerate() {
        let base = format!("transitions/{verb}/each");
        let listed = judge.app.places.has(&format!("entity/{}/{base}/{n}", entity.name));
        let base = if listed { format!("{base}/{n}") } else { base };
        let Some(of) = judge.entity(&cascade.of, &judge.at(entity, &format!("{base}/of"))) else {
            continue;
        };
        let through = judge.at(entity, &format!("{base}/through"));
        if judge.field(of, &cascade.through, &through) && of.fields[&cascade.through].kind != FieldKind::Ref(entity.name.clone()) {
            let message = format!("`{}` of `{}` is no reference to `{}`", cascade.through, of.name, entity.name);
            judge.push(Finding::error("SH3010", &through, message).help(format!("name a reference to `{}`", entity.name)));
        }
        if !of.transitions.contains_key(&cascade.verb) {
            let at = judge.at(entity, &format!("{base}/verb"));
            let finding = Finding::error("SH3014", &at, format!("`{}` has no verb `{}`", of.name, cascade.verb));
            judge.push(finding.nearest(&cascade.verb, keys(&of.transitions), "add it under `transitions`"));
        }
        for (n, state) in cascade.only.iter().enumerate() {
            judge.state(of, state, &judge.at(entity, &format!("{base}/in/{n}")));
        }
    }
}

type Move<'a> = (&'a str, &'a str);

/// Moves that the engine takes by itself after this one.
fn follows<'a>(app: &'a App, entity: &'a Entity, transition: &'a Transition) -> Vec<Move<'a>> {
    let mut all: Vec<Move<'a>> = transition.each.iter().map(|cascade| (cascade.of.as_str(), cascade.verb.as_str())).collect();
    let lands: Vec<&String> = match &transition.to {
        Some(to) => vec![to],
        None => transition.from.iter().collect(),
    };
    for (verb, other) in &entity.transitions {
        if other.auto && other.from.iter().any(|from| lands.contains(&from)) {
            all.push((entity.name.as_str(), verb));
        }
    }
    all.retain(|(entity, verb)| find(app, (entity, verb)).is_some());
    all
}

fn find<'a>(app: &'a App, (entity, verb): Move<'_>) -> Option<(&'a Entity, &'a Transition)> {
    let entity = app.entities.get(entity)?;
    Some((entity, entity.transitions.get(verb)?))
}

/// SH3039: a circle in which no move has a guard that could end it.
fn loops(judge: &mut Judge<'_>) {
    let app = judge.app;
    let mut reported: Vec<Vec<Move<'_>>> = Vec::new();
    for entity in app.entities.values() {
        for (verb, transition) in &entity.transitions {
            let start: Move<'_> = (entity.name.as_str(), verb.as_str());
            let Some(path) = circle(app, start, &[start]) else {
                continue;
            };
            let mut members = path.clone();
            members.sort_unstable();
            if reported.contains(&members) {
                continue;
            }
            reported.push(members);
            let at = match transition.each.is_empty() {
                true => transition.at.clone(),
                false => judge.key(entity, &format!("transitions/{verb}/each")),
            };
            let mut words: Vec<String> = path.iter().map(|(entity, verb)| format!("`{entity}.{verb}`")).collect();
            words.push(words[0].clone());
            let finding = Finding::error("SH3039", &at, words.join(" → "));
            judge.push(finding.help("break the circle, or give a guard that ends it"));
        }
    }
}

/// The first way from the end of `path` back to `start` through moves without guards.
fn circle<'a>(app: &'a App, start: Move<'a>, path: &[Move<'a>]) -> Option<Vec<Move<'a>>> {
    let now = *path.last()?;
    let (entity, transition) = find(app, now)?;
    if !transition.guards.is_empty() {
        return None;
    }
    for next in follows(app, entity, transition) {
        if next == start {
            return Some(path.to_vec());
        }
        if !path.contains(&next) && path.len() < 8 {
            let mut longer = path.to_vec();
            longer.push(next);
            if let Some(found) = circle(app, start, &longer) {
                return Some(found);
            }
        }
    }
    None
}
