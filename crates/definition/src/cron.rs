//! `0 8 * * mon-fri`: five fields that say at which minutes of which days something is due.
//!
//! Only the text is understood here. Which moments these are, in which time zone and over which leap of the clock, is
//! worked out where there is a clock.

use std::ops::{Range, RangeInclusive};

/// The minutes of the days at which something is due, as sets of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Bit n: minute n of the hour, 0 to 59.
    pub minutes: u64,
    /// Bit n: hour n, 0 to 23.
    pub hours: u32,
    /// Bit n: day n of the month, 1 to 31.
    pub days: u32,
    /// Bit n: month n, 1 to 12.
    pub months: u16,
    /// Bit n: day n of the week, 0 for Sunday to 6.
    pub weekdays: u8,
    /// Days of the month and days of the week are both limited: then a day counts that is one or the other.
    pub either_day: bool,
}

/// Why a text is no cron.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Wrong {
    /// The bytes it is about.
    pub at: Range<usize>,
    /// One sentence.
    pub why: String,
    /// What to type.
    pub help: String,
}

/// A field: what it is called, what it may hold, and names for some of it.
struct Field {
    name: &'static str,
    range: RangeInclusive<u32>,
    names: &'static [&'static str],
    /// The number of the first name.
    first: u32,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", range: 0..=59, names: &[], first: 0 },
    Field { name: "hour", range: 0..=23, names: &[], first: 0 },
    Field { name: "day of the month", range: 1..=31, names: &[], first: 0 },
    Field { name: "month", range: 1..=12, names: &MONTHS, first: 1 },
    Field { name: "day of the week", range: 0..=7, names: &WEEKDAYS, first: 0 },
];

/// The most days a month can have, January first.
const LONGEST: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Cron {
    /// Reads five fields: numbers, `*`, ranges `1-5`, steps `*/15` or `9-17/2`, lists `0,30`; months and days of the week
    /// by their first three letters, too. Sunday is 0 and 7.
    ///
    /// # Errors
    /// The first part that is not understood, or days that no month has.
    pub fn parse(text: &str) -> Result<Cron, Wrong> {
        let words = words(text);
        if words.len() != FIELDS.len() {
            let why = format!("`cron` has five fields, and this has {}", words.len());
            let help = "write minute, hour, day of the month, month, day of the week: `0 8 * * *`".to_owned();
            return Err(Wrong { at: 0..text.len(), why, help });
        }
        let mut sets = [0u64; 5];
        for (n, word) in words.iter().enumerate() {
            sets[n] = field(text, word.clone(), &FIELDS[n])?;
        }
        // Sunday is both ends of the week.
        let weekdays = (sets[4] | sets[4] >> 7) & 0x7f;
        let star = |n: usize| text[words[n].clone()].starts_with('*');
        let cron = Cron {
            minutes: sets[0],
            hours: sets[1] as u32,
            days: sets[2] as u32,
            months: sets[3] as u16,
            weekdays: weekdays as u8,
            either_day: !star(2) && !star(4),
        };
        let comes = (1..=12).any(|month| cron.months & 1 << month != 0 && (1..=LONGEST[month - 1]).any(|day| cron.days & 1 << day != 0));
        if !comes && !cron.either_day {
            let why = format!("day {} never comes in these months", &text[words[2].clone()]);
            return Err(Wrong { at: words[2].clone(), why, help: "name a day that one of the months has".to_owned() });
        }
        Ok(cron)
    }

    /// Whether a day counts: its month 1 to 12, its number 1 to 31, its day of the week 0 for Sunday to 6.
    pub fn on(&self, month: u32, day: u32, weekday: u32) -> bool {
        let (by_day, by_week) = (self.days & 1 << day != 0, self.weekdays & 1 << weekday != 0);
        self.months & 1 << month != 0 && if self.either_day { by_day || by_week } else { by_day && by_week }
    }
}

fn words(text: &str) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut from = 0;
    for part in text.split(' ') {
        if !part.is_empty() {
            all.push(from..from + part.len());
        }
        from += part.len() + 1;
    }
    all
}

fn field(text: &str, at: Range<usize>, field: &Field) -> Result<u64, Wrong> {
    let mut set = 0;
    let mut from = at.start;
    for part in text[at].split(',') {
        let place = from..from + part.len();
        from = place.end + 1;
        set |= item(part, field).map_err(|help| Wrong { at: place, why: format!("`{part}` is no {}", field.name), help })?;
    }
    Ok(set)
}

/// `*`, `5`, `1-5`, and any of them with a step.
fn item(part: &str, field: &Field) -> Result<u64, String> {
    let (least, most) = (*field.range.start(), *field.range.end());
    let (span, step) = match part.split_once('/') {
        None => (part, 1),
        Some((span, step)) => {
            let step = step.parse().ok().filter(|n| (1..=most.max(1)).contains(n));
            (span, step.ok_or_else(|| format!("write a step such as `*/{}`", if most > 30 { 15 } else { 2 }))?)
        }
    };
    let (from, to) = match span.split_once('-') {
        _ if span == "*" => (least, most),
        Some((from, to)) => (number(from, field)?, number(to, field)?),
        // `9/2` goes on to the end.
        None if part.contains('/') => (number(span, field)?, most),
        None => (number(span, field)?, number(span, field)?),
    };
    if from > to {
        return Err(format!("write the smaller first: `{to}-{from}`, or two parts with a comma"));
    }
    Ok((from..=to).step_by(step as usize).fold(0, |set, n| set | 1 << n))
}

fn number(text: &str, field: &Field) -> Result<u32, String> {
    if let Some(n) = field.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        return Ok(n as u32 + field.first);
    }
    let digits = !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    let found = digits.then(|| text.parse().ok()).flatten().filter(|n| field.range.contains(n));
    found.ok_or_else(|| {
        let names = match field.names {
            [first, .., last] => format!(", or `{first}` to `{last}`"),
            _ => String::new(),
        };
        format!("write {} to {}{names}", field.range.start(), field.range.end())
    })
}

#[cfg(test)]
mod tests {
    use super::Cron;

    fn bits(set: u64) -> Vec<u32> {
        (0..64).filter(|n| set & 1 << n != 0).collect()
    }

    #[test]
    fn fields_are_sets() {
        let cron = Cron::parse("*/20 9-17/4 1,15 jan-mar mon").expect("a cron");
        assert_eq!(bits(cron.minutes), [0, 20, 40]);
        assert_eq!(bits(cron.hours.into()), [9, 13, 17]);
        assert_eq!(bits(cron.days.into()), [1, 15]);
        assert_eq!(bits(cron.months.into()), [1, 2, 3]);
        assert_eq!(bits(cron.weekdays.into()), [1]);
        assert!(cron.either_day);
        assert_eq!(bits(Cron::parse("50/4 0 * * *").expect("a cron").minutes), [50, 54, 58]);
        assert_eq!(Cron::parse("0 0 * * 7"), Cron::parse("0 0 * * SUN"));
        assert_eq!(bits(Cron::parse("0 0 * * 5-7").expect("a cron").weekdays.into()), [0, 5, 6]);
    }

    /// The day is one of the month or one of the week if both are limited, and both if one is `*`.
    #[test]
    fn days_count_as_they_do_in_crontab() {
        let either = Cron::parse("0 0 13 * fri").expect("a cron");
        assert!(either.on(1, 13, 2) && either.on(1, 2, 5) && !either.on(1, 2, 2));
        let weekly = Cron::parse("0 0 * * fri").expect("a cron");
        assert!(weekly.on(1, 2, 5) && !weekly.on(1, 13, 2));
        let stepped = Cron::parse("0 0 */2 * fri").expect("a cron");
        assert!(stepped.on(1, 1, 5) && !stepped.on(1, 2, 5) && !stepped.on(1, 1, 4));
    }

    #[test]
    fn what_is_no_cron_is_told() {
        for (text, place, why) in [
            ("", "", "`cron` has five fields, and this has 0"),
            ("@daily", "@daily", "`cron` has five fields, and this has 1"),
            ("0 0 * * * *", "0 0 * * * *", "`cron` has five fields, and this has 6"),
            ("60 0 * * *", "60", "`60` is no minute"),
            ("0 24 * * *", "24", "`24` is no hour"),
            ("0 0 0 * *", "0", "`0` is no day of the month"),
            ("0 0 1 13 *", "13", "`13` is no month"),
            ("0 0 * * 8", "8", "`8` is no day of the week"),
            ("0 0 * * monday", "monday", "`monday` is no day of the week"),
            ("5-1 0 * * *", "5-1", "`5-1` is no minute"),
            ("*/0 0 * * *", "*/0", "`*/0` is no minute"),
            ("0,,5 0 * * *", "", "`` is no minute"),
            ("+5 0 * * *", "+5", "`+5` is no minute"),
            ("0 0 30 2 *", "30", "day 30 never comes in these months"),
            ("0 0 31 apr,jun *", "31", "day 31 never comes in these months"),
        ] {
            let wrong = Cron::parse(text).expect_err(text);
            assert_eq!((&text[wrong.at.clone()], wrong.why.as_str()), (place, why), "{text}");
            assert!(!wrong.help.is_empty());
        }
        assert!(Cron::parse("0 0 29 2 *").is_ok());
        assert!(Cron::parse("0 0 31 2 mon").is_ok());
    }
}
