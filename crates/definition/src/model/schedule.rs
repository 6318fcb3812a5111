//! Moves owed by the calendar.

use serde::{Deserialize, Serialize};

use super::{Expr, Span, Texts};

/// A verb fired on records at times of the day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schedule {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Minute, hour, day of the month, month, day of the week; judged by `check`.
    pub cron: String,
    /// IANA name of the time zone; `None` for the app's.
    pub zone: Option<String>,
    /// The calendar of its working days; `None`: all are.
    pub calendar: Option<String>,
    /// What becomes of a time that falls on a day off.
    pub off_day: OffDay,
    /// What becomes of times that passed while nothing ran.
    pub catch_up: CatchUp,
    /// What becomes of a time in the hour that the clock leaves out.
    pub skipped_hour: SkippedHour,
    /// Which of the two hours that the clock repeats.
    pub doubled_hour: DoubledHour,
    /// What is fired.
    pub fire: Firing,
}

/// A verb and the records it is fired on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Firing {
    /// Whose records: all in a state that the verb leaves.
    pub entity: String,
    /// The verb.
    pub verb: String,
    /// Boolean over the entity's fields that picks some of them.
    pub only: Option<Expr>,
}

/// What becomes of a time on a day off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OffDay {
    /// It is left out.
    #[default]
    Skip,
    /// The same time on the next working day.
    Next,
    /// The same time on the working day before.
    Previous,
}

/// What becomes of times that passed while nothing ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CatchUp {
    /// The last of them is made up for.
    #[default]
    Once,
    /// Each of them is.
    All,
    /// None is.
    Skip,
}

/// What becomes of a time in the hour that the clock leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkippedHour {
    /// It is taken as soon as the clock goes on.
    #[default]
    Later,
    /// It is left out that day.
    Skip,
}

/// Which of the two hours that the clock repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DoubledHour {
    /// The first.
    #[default]
    First,
    /// Both.
    Both,
}

/// Days on which people work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calendar {
    /// Where its name is written.
    pub at: Span,
    /// Days of the week that are off.
    pub weekend: Vec<Weekday>,
    /// Other days that are off: `2026-12-25`.
    pub holidays: Vec<String>,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}
