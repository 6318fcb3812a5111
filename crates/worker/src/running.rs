//! The definitions in force, as far as a worker needs them.

use std::collections::BTreeMap;
use std::sync::Arc;

use statehouse_definition::App;
use statehouse_definition::model::{Connector, Rate};
use statehouse_store::effects::{Detour, Known, Pace};

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
}

impl Installed {
    /// Reads what `check` has judged; a schedule that cannot be read nevertheless is told, and left out.
    pub fn new(app: App, version: i32) -> Installed {
        let mut times = Vec::new();
        for (name, schedule) in &app.schedules {
            match Times::of(schedule, &app) {
                Ok(one) => times.push((name.clone(), one)),
                Err(unsound) => tracing::error!(app = %app.name, schedule = %name, %unsound, "a schedule is not kept"),
            }
        }
        Installed { app, version, times }
    }

    /// Connectors through which effects can be sent.
    pub fn senders(&self) -> impl Iterator<Item = (&String, &Connector)> {
        let sends = |connector: &Connector| connector.wire.is_some() && connector.actions.values().any(|action| action.send.is_some());
        self.app.connectors.iter().filter(move |(_, connector)| sends(connector))
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
        self.senders().map(|(installed, name, connector)| known(installed, name, connector, most)).collect()
    }

    /// What can be sent here through another connector where its own is away, likewise.
    pub fn detours(&self, most: i32) -> Vec<Detour> {
        let detour = |(installed, name, connector): (&Installed, &str, &Connector)| {
            let through = connector.fallback.clone()?;
            let pace = installed.app.connectors.get(&through)?.limit.as_ref().map(pace);
            Some(Detour { of: known(installed, name, connector, most), through, pace })
        };
        self.senders().filter_map(detour).collect()
    }

    fn senders(&self) -> impl Iterator<Item = (&Installed, &str, &Connector)> {
        self.apps.values().flat_map(|installed| installed.senders().map(move |(name, connector)| (&**installed, name.as_str(), connector)))
    }
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
