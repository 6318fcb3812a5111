//! When each effect happened, by the provider's own log, and what rates come of it. All but reading is pure.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;

/// Who is back is so for so many seconds.
pub const WINDOW_S: f64 = 1.0;
/// A dip is that of so many.
const DIP_S: f64 = 0.5;
/// Back is who does so much of what was done before.
pub const BACK: f64 = 0.95;
const STEP_S: f64 = 0.05;

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// The log, as far as it was read.
#[derive(Debug)]
pub struct Meter {
    path: PathBuf,
    read: u64,
    at: Vec<f64>,
}

impl Meter {
    /// Of the log in `dir`.
    pub fn of(dir: &Path) -> Meter {
        Meter { path: dir.join("provider.log"), read: 0, at: Vec::new() }
    }

    /// Reads on; the moments at which something happened, in order.
    pub fn look(&mut self) -> &[f64] {
        #[derive(Deserialize)]
        struct Line {
            at: String,
            #[serde(default)]
            effect: bool,
        }
        let mut bytes = Vec::new();
        let mut file = std::fs::File::open(&self.path).expect("the provider's log");
        file.seek(SeekFrom::Start(self.read)).and_then(|_| file.read_to_end(&mut bytes)).expect("readable");
        // A line that is being written is none yet.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line).expect("a line of the log");
            if line.effect {
                self.at.push(seconds(&line.at).unwrap_or_else(|| panic!("`{}` is no time", line.at)));
            }
        }
        self.read += whole as u64;
        self.at.sort_by(f64::total_cmp);
        &self.at
    }
}

/// How many happened in a stretch.
pub fn between(at: &[f64], from: f64, to: f64) -> usize {
    before(at, to).saturating_sub(before(at, from))
}

/// How many happened before a moment.
pub fn before(at: &[f64], moment: f64) -> usize {
    at.partition_point(|one| *one < moment)
}

/// How many a second in a stretch.
#[allow(clippy::cast_precision_loss)]
pub fn rate(at: &[f64], from: f64, to: f64) -> f64 {
    between(at, from, to) as f64 / (to - from)
}

/// The first moment from `since` on at which it is back: as quick as `base` for the length of a window, and at its end
/// no more than a second's work behind what `owed` says. None until `until`.
#[allow(clippy::cast_precision_loss)]
pub fn back(at: &[f64], owed: impl Fn(f64) -> usize, base: f64, since: f64, until: f64) -> Option<f64> {
    moments(since, until - WINDOW_S).find(|moment| {
        let end = moment + WINDOW_S;
        rate(at, *moment, end) >= BACK * base && owed(end).saturating_sub(before(at, end)) as f64 <= base
    })
}

/// The slowest half second that begins in a stretch, as a share of `base`.
pub fn dip(at: &[f64], base: f64, from: f64, to: f64) -> f64 {
    moments(from, to).map(|moment| rate(at, moment, moment + DIP_S) / base).fold(1.0, f64::min)
}

/// The middle one, or the mean of the two in the middle.
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    if numbers.len() % 2 == 1 { numbers[half] } else { f64::midpoint(numbers[half - 1], numbers[half]) }
}

fn moments(from: f64, to: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(from), |moment| Some(moment + STEP_S)).take_while(move |moment| *moment <= to)
}

/// `2026-11-20T17:49:10.836588Z` in seconds since 1970.
fn seconds(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    // Days of the years that begin in March, so that the day that comes every four years is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let mut time = time.split(':').map(|part| part.parse::<f64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    #[allow(clippy::cast_precision_loss)]
    let days = days as f64;
    Some(days * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second)
}

#[test]
fn times_are_read() {
    assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0.0));
    assert_eq!(seconds("2000-02-29T12:00:00.5Z"), Some(951_825_600.5));
    assert_eq!(seconds("2026-11-20T17:49:10.25Z"), Some(1_795_196_950.25));
    assert_eq!(seconds("yesterday"), None);
}

#[test]
fn it_is_back_once_it_is_as_quick_and_nothing_is_left_behind() {
    // Ten a second are owed. Nothing happens from 10 to 13; then 20 a second, until all is there.
    let mut at: Vec<f64> = (0..100).map(|n| f64::from(n) / 10.0).collect();
    at.extend((0..60).map(|n| 13.0 + f64::from(n) / 20.0));
    at.extend((0..40).map(|n| 16.0 + f64::from(n) / 10.0));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let owed = |moment: f64| (moment * 10.0) as usize;
    let found = back(&at, owed, 10.0, 13.0, 20.0).expect("it is back");
    // At 15, a second later, ten are still missing.
    assert!((found - 14.0).abs() < 0.2, "{found}");
    assert!(dip(&at, 10.0, 8.0, 15.0) < 0.01);
    // Who is quick and never catches up is not back.
    assert_eq!(back(&at, |moment| owed(moment) + 20, 10.0, 13.0, 20.0), None);
    // Nor is who catches up slowly.
    assert_eq!(back(&at[..100], |_| 0, 10.0, 10.5, 20.0), None);
    assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9 && (median(vec![1.0, 2.0]) - 1.5).abs() < 1e-9);
}
