//! A point in time, in the forms in which providers write it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A point in time: microseconds since 1970, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// `2026-11-20T16:44:01.123456Z`.
    pub(crate) fn micros(self) -> String {
        let (date, time) = self.parts();
        format!("{date}T{time}.{:06}Z", self.0.rem_euclid(SECOND_US))
    }

    /// `2026-11-20T16:44:01.123Z`.
    pub(crate) fn millis(self) -> String {
        let (date, time) = self.parts();
        format!("{date}T{time}.{:03}Z", self.0.rem_euclid(SECOND_US) / 1_000)
    }

    /// `2026-11-20`.
    pub(crate) fn date(self) -> String {
        self.parts().0
    }

    /// `2026-11-20 16:44:01`.
    pub(crate) fn spaced(self) -> String {
        let (date, time) = self.parts();
        format!("{date} {time}")
    }

    /// `202611201644`, as it stands in the ids of Pix.
    pub(crate) fn compact(self) -> String {
        let (date, time) = self.parts();
        format!("{}{}", date.replace('-', ""), time[..5].replace(':', ""))
    }

    /// `Fri, 20 Nov 2026 16:44:01 +0000`.
    pub(crate) fn rfc2822(self) -> String {
        let (year, month, day) = self.civil();
        let weekday = WEEKDAYS[self.days().rem_euclid(7) as usize];
        format!("{weekday}, {day:02} {} {year} {} +0000", MONTHS[month as usize - 1], self.parts().1)
    }

    /// `Fri, 20 Nov 2026 16:44:01 GMT`.
    pub(crate) fn http(self) -> String {
        self.rfc2822().replace("+0000", "GMT")
    }

    /// Seconds since 1970.
    pub(crate) fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND_US)
    }

    pub(crate) fn plus_s(self, seconds: i64) -> Moment {
        Moment(self.0.saturating_add(seconds.saturating_mul(SECOND_US)))
    }

    /// Reads `2026-11-20`, `2026-11-20T16:44:01Z`, with a fraction and with an offset such as `-03:00`.
    pub(crate) fn parse(text: &str) -> Option<Moment> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let days = days_of(year, month, day);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        if text.len() == 10 {
            return Some(Moment(days * DAY_S * SECOND_US));
        }
        let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        let rest = text.get(19..)?;
        let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        let fraction = rest.get(1..=digits).unwrap_or_default();
        let micros = format!("{fraction:0<6}").get(..6)?.parse::<i64>().ok()?;
        let zone = rest.get(if digits > 0 { digits + 1 } else { 0 }..)?;
        let offset_s = match zone {
            "Z" | "" => 0,
            _ => {
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                sign * (zone.get(1..3)?.parse::<i64>().ok()? * 3600 + zone.get(zone.len() - 2..)?.parse::<i64>().ok()? * 60)
            }
        };
        Some(Moment((days * DAY_S + seconds - offset_s) * SECOND_US + micros))
    }

    fn days(self) -> i64 {
        self.seconds().div_euclid(DAY_S)
    }

    fn parts(self) -> (String, String) {
        let (year, month, day) = self.civil();
        let second = self.seconds().rem_euclid(DAY_S);
        (format!("{year:04}-{month:02}-{day:02}"), format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60))
    }

    /// Year, month and day; years are counted from March, so that the day that comes and goes is the last one.
    fn civil(self) -> (i64, i64, i64) {
        let shifted = self.days() + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
    }
}

fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The clock of a sandbox: the machine's, or one held by hand.
///
/// Limits, signatures and the log read it. Waits between deliveries and slow answers last as long as they last.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicI64>);

/// Stands for the machine's own time.
const RUNS: i64 = i64::MIN;

impl Default for Clock {
    fn default() -> Clock {
        Clock(Arc::new(AtomicI64::new(RUNS)))
    }
}

impl Clock {
    /// One that stands at this time until it is moved.
    pub fn by_hand(at: SystemTime) -> Clock {
        let clock = Clock::default();
        clock.hold(at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64));
        clock
    }

    /// Microseconds since 1970.
    pub fn now_us(&self) -> i64 {
        match self.0.load(Ordering::SeqCst) {
            RUNS => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64),
            held => held,
        }
    }

    /// From now on it stands at this time, in microseconds since 1970.
    pub fn hold(&self, at_us: i64) {
        self.0.store(at_us, Ordering::SeqCst);
    }

    /// It stands this much later; one that runs is held first.
    pub fn advance(&self, by: Duration) {
        self.hold(self.now_us().saturating_add(by.as_micros() as i64));
    }

    /// It runs again with the machine's.
    pub fn run(&self) {
        self.0.store(RUNS, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(self.now_us())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_the_calendar_has_it() {
        // `date -u -d @1438287151` and the first seconds of leap days, by the same tool.
        let at = Moment(1_438_287_151_000_000);
        assert_eq!(at.rfc2822(), "Thu, 30 Jul 2015 20:12:31 +0000");
        assert_eq!(at.spaced(), "2015-07-30 20:12:31");
        assert_eq!(Moment(951_782_400_000_000).date(), "2000-02-29");
        assert_eq!(Moment(1_709_164_800_000_000).date(), "2024-02-29");
        assert_eq!(Moment(4_107_542_400_000_000).date(), "2100-03-01");
        assert_eq!(Moment(0).rfc2822(), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(at.http(), httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(1_438_287_151)));
    }

    #[test]
    fn read_as_written() {
        for at in [0, 951_782_400_000_000, 1_709_164_799_999_999, 1_795_192_441_123_456] {
            assert_eq!(Moment::parse(&Moment(at).micros()), Some(Moment(at)));
        }
        assert_eq!(Moment::parse("2026-05-25T13:01:08.000-03:00"), Moment::parse("2026-05-25T16:01:08Z"));
        assert_eq!(Moment::parse("2024-02-29"), Some(Moment(1_709_164_800_000_000)));
        for text in ["", "now", "2026-13-01", "2026-01-01T", "2026-01-01T1:00:00Z"] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_held_clock_stands() {
        let clock = Clock::default();
        assert!(clock.now_us() > 1_700_000_000_000_000);
        assert_eq!(Clock::by_hand(UNIX_EPOCH + Duration::from_secs(9)).now_us(), 9_000_000);
        clock.hold(5_000_000);
        clock.advance(Duration::from_secs(2));
        assert_eq!(clock.now_us(), 7_000_000);
        clock.run();
        assert!(clock.now_us() > 1_700_000_000_000_000);
    }
}
