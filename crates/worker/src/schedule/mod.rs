//! When a schedule is due, worked out from the calendar. Pure: it is asked about a stretch of time and looks at no clock.
//!
//! Cron speaks of the wall clock, and the wall clock leaves hours out and repeats others. So the times of a day are
//! found on the wall first, moved off days on which nobody works, and only then turned into instants, each by the rule
//! that the schedule states. Two times that become the same instant are one.

mod days;

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan};
use statehouse_definition::App;
use statehouse_definition::cron::Cron;
use statehouse_definition::model::{CatchUp, DoubledHour, OffDay, Schedule, SkippedHour};

use days::Days;

/// A time that passed less than this ago is not missed, only late.
const GRACE: SignedDuration = SignedDuration::from_mins(5);
/// The furthest that is looked, in days.
const REACH_DAYS: i64 = 5 * 366;
/// The most times that are made up for at once; the rest follow when these are done.
const OWED_MAX: usize = 100;

/// The times of one schedule.
#[derive(Clone, Debug)]
pub struct Times {
    cron: Cron,
    zone: TimeZone,
    days: Days,
    off_day: OffDay,
    catch_up: CatchUp,
    skipped: SkippedHour,
    doubled: DoubledHour,
}

/// Why a schedule has no times.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// Its cron cannot be read.
    #[error("`{0}` is no cron: {1}")]
    Cron(String, String),
    /// Its zone is not known here.
    #[error("`{0}` is no time zone that is known here")]
    Zone(String),
    /// Its calendar cannot be read.
    #[error("`{0}` is no calendar of the app, or has a day that is none")]
    Calendar(String),
}

impl Times {
    /// Of a schedule of this app.
    ///
    /// # Errors
    /// What `check` would have found: a cron, zone or calendar that is none.
    pub fn of(schedule: &Schedule, app: &App) -> Result<Times, Unsound> {
        let cron = Cron::parse(&schedule.cron).map_err(|wrong| Unsound::Cron(schedule.cron.clone(), wrong.why))?;
        let zone = schedule.zone.as_ref().unwrap_or(&app.time_zone);
        let days = match &schedule.calendar {
            None => Days::default(),
            Some(name) => app.calendars.get(name).and_then(Days::of).ok_or_else(|| Unsound::Calendar(name.clone()))?,
        };
        Ok(Times {
            cron,
            zone: TimeZone::get(zone).map_err(|_| Unsound::Zone(zone.clone()))?,
            days,
            off_day: schedule.off_day,
            catch_up: schedule.catch_up,
            skipped: schedule.skipped_hour,
            doubled: schedule.doubled_hour,
        })
    }

    /// The times after `after` up to and with `until`, earliest first, at most `most`.
    pub fn between(&self, after: Timestamp, until: Timestamp, most: usize) -> Vec<Timestamp> {
        let mut found = BTreeSet::new();
        let last = self.date(until).saturating_add(1.day());
        let mut date = self.date(after).saturating_sub(1.day());
        for _ in 0..REACH_DAYS {
            // What one day leaves out can lie in the next, so a day more is looked at than is needed.
            let enough =
                most.checked_sub(1).and_then(|nth| found.iter().nth(nth)).is_some_and(|at| date > self.date(*at).saturating_add(1.day()));
            if date > last || enough {
                break;
            }
            found.extend(self.instants(date).into_iter().filter(|at| (after < *at) && (*at <= until)));
            date = date.saturating_add(1.day());
        }
        found.into_iter().take(most).collect()
    }

    /// The first time after `after`, if there is one within five years.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let reach = SignedDuration::from_hours(24 * REACH_DAYS);
        self.between(after, after.saturating_add(reach).unwrap_or(Timestamp::MAX), 1).first().copied()
    }

    /// What is to be opened at `now`, where `last` was the last time that was: by the rule for times that were missed.
    pub fn owed(&self, last: Timestamp, now: Timestamp) -> Vec<Timestamp> {
        match self.catch_up {
            CatchUp::All => self.between(last, now, OWED_MAX),
            CatchUp::Once => self.latest(last, now).into_iter().collect(),
            CatchUp::Skip => self.latest(last.max(now.saturating_sub(GRACE).unwrap_or(Timestamp::MIN)), now).into_iter().collect(),
        }
    }

    /// The last time after `after` up to and with `until`.
    fn latest(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let first = self.date(after).saturating_sub(1.day());
        let mut date = self.date(until).saturating_add(1.day());
        let mut found = None;
        for _ in 0..REACH_DAYS {
            if date < first || found.is_some_and(|at: Timestamp| self.date(at) > date.saturating_add(1.day())) {
                break;
            }
            found = found.max(self.instants(date).into_iter().filter(|at| (after < *at) && (*at <= until)).max());
            date = date.saturating_sub(1.day());
        }
        found
    }

    fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The instants that belong to a date, moved ones among them.
    fn instants(&self, date: Date) -> Vec<Timestamp> {
        if self.days.is_off(date) {
            return Vec::new();
        }
        let from = match self.off_day {
            OffDay::Skip => Vec::new(),
            OffDay::Next => self.days.off_before(date),
            OffDay::Previous => self.days.off_after(date),
        };
        let days = from.into_iter().chain([date]);
        let times: BTreeSet<Time> = days.filter(|day| self.is_on(*day)).flat_map(|_| self.wall()).collect();
        times.into_iter().flat_map(|time| self.instant(date.to_datetime(time))).collect()
    }

    fn is_on(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        self.cron.on(date.month().unsigned_abs().into(), date.day().unsigned_abs().into(), weekday.unsigned_abs().into())
    }

    /// The times of any day that is one, as they stand on the wall.
    fn wall(&self) -> impl Iterator<Item = Time> {
        let set = |hour: i8, minute: i8| self.cron.hours & 1 << hour != 0 && self.cron.minutes & 1 << minute != 0;
        (0..24)
            .flat_map(move |hour| (0..60).filter(move |&minute| set(hour, minute)).map(move |minute| jiff::civil::time(hour, minute, 0, 0)))
    }

    fn instant(&self, wall: DateTime) -> Vec<Timestamp> {
        let at = |offset: Offset| offset.to_timestamp(wall).ok();
        match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset).into_iter().collect(),
            AmbiguousOffset::Gap { after, .. } => match self.skipped {
                SkippedHour::Skip => Vec::new(),
                // Read with the offset that comes after, the time lies before the change: the change is what follows it.
                SkippedHour::Later => {
                    at(after).and_then(|before| Some(self.zone.following(before).next()?.timestamp())).into_iter().collect()
                }
            },
            AmbiguousOffset::Fold { before, after } => match self.doubled {
                DoubledHour::First => at(before).into_iter().collect(),
                DoubledHour::Both => [at(before), at(after)].into_iter().flatten().collect(),
            },
        }
    }
}
