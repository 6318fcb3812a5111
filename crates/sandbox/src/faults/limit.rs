//! How many requests a stand-in takes in a second.

use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// A limit on requests; above it they are answered 429 and nothing is done.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many a second; a part of one is one in a longer time.
    pub per_second: f64,
    /// How many at once after a pause; one, when absent.
    #[serde(default = "one")]
    pub burst: f64,
    /// After a request too many, every request is refused for so many seconds; without it, as soon as there is room one is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty_s: Option<u32>,
}

fn one() -> f64 {
    1.0
}

/// A limit and what is left of it.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    pub(crate) limit: Limit,
    left: f64,
    filled: Moment,
    closed_until: Moment,
}

impl Bucket {
    pub(crate) fn new(limit: Limit, now: Moment) -> Bucket {
        Bucket { limit, left: limit.burst, filled: now, closed_until: Moment(i64::MIN) }
    }

    /// Takes one request, or says for how many microseconds to stay away.
    pub(crate) fn take(&mut self, now: Moment) -> Result<(), i64> {
        if now < self.closed_until {
            return Err(self.closed_until.0 - now.0);
        }
        let passed = (now.0 - self.filled.0).max(0) as f64 / 1e6;
        self.left = (self.left + passed * self.limit.per_second).min(self.limit.burst);
        self.filled = now;
        // What a thousand small sums lose must not cost a request.
        if self.left >= 1.0 - 1e-6 {
            self.left -= 1.0;
            return Ok(());
        }
        match self.limit.penalty_s {
            Some(seconds) => {
                self.closed_until = now.plus_s(i64::from(seconds));
                Err(self.closed_until.0 - now.0)
            }
            None => Err(((1.0 - self.left) / self.limit.per_second * 1e6).ceil() as i64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Moment {
        Moment(ms * 1_000)
    }

    #[test]
    fn so_many_a_second_after_a_burst() {
        let mut bucket = Bucket::new(Limit { per_second: 10.0, burst: 3.0, penalty_s: None }, at(0));
        assert_eq!((0..5).filter(|_| bucket.take(at(0)).is_ok()).count(), 3);
        assert_eq!(bucket.take(at(0)), Err(100_000));
        assert_eq!(bucket.take(at(50)), Err(50_000));
        assert_eq!(bucket.take(at(100)), Ok(()));
        let taken = (101..10_101).filter(|ms| bucket.take(at(*ms)).is_ok()).count();
        assert!((99..=101).contains(&taken), "{taken}");
    }

    #[test]
    fn a_penalty_closes_it_for_its_whole_time() {
        let mut bucket = Bucket::new(Limit { per_second: 100.0, burst: 1.0, penalty_s: Some(2) }, at(0));
        assert_eq!(bucket.take(at(0)), Ok(()));
        assert_eq!(bucket.take(at(0)), Err(2_000_000));
        assert_eq!(bucket.take(at(1_500)), Err(500_000));
        assert_eq!(bucket.take(at(2_000)), Ok(()));
    }
}
