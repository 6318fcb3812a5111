//! The definitions in force, as far as a worker needs them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use statehouse_definition::App;
use statehouse_definition::model::{Class, Connector, Rate};
use statehouse_store::effects::{Detour, Known, Pace, Rests};

use crate::schedule::Times;

/// The apps whose work is done here.
#[derive(Debug, Default)]
pub(crate) struct Running {
    apps: BTreeMap<String, Arc<Installed>>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Installed {
    /// The definition.
    pub app: App,
    /// Its version, from 1.
    pub version: i32,
    /// Its schedules and when they are due.
    pub times: Vec<(String, Times)>,
    /// Connectors as they were in versions they no longer have, by name and version: what is owed under one goes out by it.
    former: BTreeMap<(String, i32), Connector>,
    /// Since when a schedule has the times it has, where it was changed.
    since: BTreeMap<String, SystemTime>,
}

impl Installed {
    /// Reads what `check` has judged; a schedule that cannot be read nevertheless is told, and left out.
    pub fn new(app: App, version: i32, known: Vec<(String, i32, Option<Connector>)>, since: Vec<(String, SystemTime)>) -> Installed {
        let mut former = BTreeMap::new();
        for (name, version, connector) in known {
            match connector {
                _ if app.connectors.get(&name).is_some_and(|now| now.version as i32 == version) => {}
                Some(connector) => drop(former.insert((name, version), connector)),
                None => {
                    tracing::error!(app = %app.name, connector = %name, version, "what is owed under this version is not sent: this release cannot read it")
                }
            }
        }
        let mut times = Vec::new();
        for (name, schedule) in &app.schedules {
            match Times::of(schedule, &app) {
                Ok(one) => times.push((name.clone(), one)),
                Err(unsound) => tracing::error!(app = %app.name, schedule = %name, %unsound, "a schedule is not kept"),
            }
        }
        Installed { app, version, times, former, since: since.into_iter().collect() }
    }

    /// A connector in one of its versions.
    pub fn connector(&self, name: &str, version: i32) -> Option<&Connector> {
        let now = self.app.connectors.get(name).filter(|connector| connector.version as i32 == version);
        now.or_else(|| self.former.get(&(name.to_owned(), version)))
    }

    /// A connector as it is, or as it was last where the definition has it no more.
    pub fn latest(&self, name: &str) -> Option<&Connector> {
        self.app.connectors.get(name).or_else(|| self.versions(name).last())
    }

    /// Since when a schedule has the times it has, where it was changed or put in later.
    pub fn since(&self, schedule: &str) -> Option<SystemTime> {
        self.since.get(schedule).copied()
    }

    /// What a connector was, the oldest version first.
    fn versions(&self, name: &str) -> impl Iterator<Item = &Connector> {
        self.former.range((name.to_owned(), i32::MIN)..=(name.to_owned(), i32::MAX)).map(|(_, connector)| connector)
    }

    /// Connectors through which effects can be sent.
    pub fn senders(&self) -> impl Iterator<Item = (&String, &Connector)> {
        self.app.connectors.iter().filter(|(_, connector)| sends(connector))
    }

    /// The same, and those of which something may still be owed under a version that they no longer have.
    fn owing(&self) -> impl Iterator<Item = (&str, &Connector)> {
        let former = self.former.iter().filter(|(_, connector)| sends(connector)).map(|((name, _), connector)| (name.as_str(), connector));
        self.senders().map(|(name, connector)| (name.as_str(), connector)).chain(former)
    }
}

impl Running {
    /// The same with this one in the place of what it was.
    pub fn with(&self, installed: Installed) -> Running {
        let mut apps = self.apps.clone();
        apps.insert(installed.app.name.clone(), Arc::new(installed));
        Running { apps }
    }

    pub fn get(&self, app: &str) -> Option<&Arc<Installed>> {
        self.apps.get(app)
    }

    pub fn all(&self) -> impl Iterator<Item = &Arc<Installed>> {
        self.apps.values()
    }

    pub fn names(&self) -> Vec<String> {
        self.apps.keys().cloned().collect()
    }

    /// What effects can be sent here, at most `most` of each tenant in one claim.
    pub fn known(&self, most: i32) -> Vec<Known> {
        let all = self.owing().map(|(installed, name, connector)| known(installed, name, connector, most));
        gathered(all, |a, b| (&a.app, &a.connector) == (&b.app, &b.connector), |known| &mut known.versions)
    }

    /// What can be sent here through another connector where its own is away, likewise.
    pub fn detours(&self, most: i32) -> Vec<Detour> {
        let detour = |(installed, name, connector): (&Installed, &str, &Connector)| {
            let through = connector.fallback.clone()?;
            let pace = installed.latest(&through)?.limit.as_ref().map(pace);
            Some(Detour { of: known(installed, name, connector, most), through, pace })
        };
        let same = |a: &Detour, b: &Detour| (&a.of.app, &a.of.connector, &a.through) == (&b.of.app, &b.of.connector, &b.through);
        gathered(self.owing().filter_map(detour), same, |detour| &mut detour.of.versions)
    }

    /// How long a doubt rests at each provider that is asked about it.
    pub fn rests(&self) -> Rests {
        let mut rests = Rests::new();
        for (installed, name, connector) in self.owing().filter(|(_, _, connector)| connector.class == Class::Q) {
            let Some(wire) = connector.wire.as_ref() else { continue };
            // The longest of its versions.
            let rest = rests.entry(format!("{}.{name}", installed.app.name)).or_insert(0.0);
            *rest = rest.max(wire.ask_after.seconds() as f64);
        }
        rests
    }

    fn owing(&self) -> impl Iterator<Item = (&Installed, &str, &Connector)> {
        self.apps.values().flat_map(|installed| installed.owing().map(move |(name, connector)| (&**installed, name, connector)))
    }
}

/// The first of those that are the same but for their versions, with the versions of all of them.
fn gathered<T>(all: impl Iterator<Item = T>, same: impl Fn(&T, &T) -> bool, versions: impl Fn(&mut T) -> &mut Vec<i32>) -> Vec<T> {
    all.fold(Vec::new(), |mut all, mut one| {
        match all.iter_mut().find(|other| same(other, &one)) {
            Some(other) => versions(other).append(versions(&mut one)),
            None => all.push(one),
        }
        all
    })
}

/// Whether anything can be sent through it.
fn sends(connector: &Connector) -> bool {
    connector.wire.is_some() && connector.actions.values().any(|action| action.send.is_some())
}

fn known(installed: &Installed, name: &str, connector: &Connector, most: i32) -> Known {
    Known {
        app: installed.app.name.clone(),
        connector: name.to_owned(),
        versions: vec![connector.version as i32],
        pace: connector.limit.as_ref().map(pace),
        most,
    }
}

/// A rate as tokens. What half a second lets through may go at once, so that a provider which counts by the second is not
/// given twice its number in the first.
fn pace(limit: &Rate) -> Pace {
    let per_second = f64::from(limit.count) / limit.per.seconds() as f64;
    Pace { per_second, burst: (per_second / 2.0).ceil().max(1.0) as u32 }
}

#[cfg(test)]
mod tests {
    use statehouse_definition::model::Unit;

    use super::*;

    #[test]
    fn a_limit_is_kept_evenly() {
        for (count, per, expected) in
            [(10, Unit::Seconds, (10.0, 5)), (100, Unit::Seconds, (100.0, 50)), (1, Unit::Seconds, (1.0, 1)), (30, Unit::Minutes, (0.5, 1))]
        {
            let Pace { per_second, burst } = pace(&Rate { count, per });
            assert_eq!((per_second, burst), expected);
        }
    }
}
