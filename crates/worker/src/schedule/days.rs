//! Days on which people work.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use statehouse_definition::model;

/// The longest run of days off that anything is moved across.
const RUN_MAX: usize = 31;

/// The days off of one calendar; by default there are none.
#[derive(Clone, Debug, Default)]
pub struct Days {
    weekend: Vec<Weekday>,
    holidays: Vec<Date>,
}

impl Days {
    /// Of a calendar; none where a holiday is no date.
    pub fn of(calendar: &model::Calendar) -> Option<Days> {
        let holidays = calendar.holidays.iter().map(|day| day.parse().ok()).collect::<Option<Vec<Date>>>()?;
        Some(Days { weekend: calendar.weekend.iter().map(weekday).collect(), holidays })
    }

    /// Whether nobody works on it.
    pub fn is_off(&self, date: Date) -> bool {
        self.weekend.contains(&date.weekday()) || self.holidays.contains(&date)
    }

    /// The unbroken run of days off right before `date`.
    pub fn off_before(&self, date: Date) -> Vec<Date> {
        self.run(date, |day| day.checked_sub(1.day()).ok())
    }

    /// The unbroken run of days off right after `date`.
    pub fn off_after(&self, date: Date) -> Vec<Date> {
        self.run(date, |day| day.checked_add(1.day()).ok())
    }

    fn run(&self, date: Date, further: impl Fn(&Date) -> Option<Date>) -> Vec<Date> {
        std::iter::successors(further(&date), &further).take(RUN_MAX).take_while(|day| self.is_off(*day)).collect()
    }
}

fn weekday(day: &model::Weekday) -> Weekday {
    match day {
        model::Weekday::Monday => Weekday::Monday,
        model::Weekday::Tuesday => Weekday::Tuesday,
        model::Weekday::Wednesday => Weekday::Wednesday,
        model::Weekday::Thursday => Weekday::Thursday,
        model::Weekday::Friday => Weekday::Friday,
        model::Weekday::Saturday => Weekday::Saturday,
        model::Weekday::Sunday => Weekday::Sunday,
    }
}
