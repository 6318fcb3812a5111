//! What somebody may not know: another tenant's id, an id outside one's slice and an id that is not there are answered alike.

use std::time::Duration;

use super::people::{Answer, Ask, Crawler};

/// Tries of each kind of id, one after the other in turn.
pub const TRIES: usize = 30;

/// The medians may differ by this factor. All three are refused by the same one statement, so what differs is whether the
/// index finds a row that the policy then hides: microseconds in a request of about a millisecond. A server that asks once
/// more, or leaves a trace for one of them only, costs another round trip or a commit, which is a factor of two.
const RATIO_MAX: f64 = 1.8;
/// Noise passes, a difference stays: it must be there in each of so many rounds.
const ROUNDS: usize = 4;

/// How the same request is answered with this id, apart from what names the request itself.
pub fn told(answer: &Answer, id: &str) -> String {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        // What names the request itself, and what counts the caller's requests.
        .filter(|(name, _)| !["x-request-id", "date", "ratelimit"].contains(&name.as_str()))
        // Ids may be of different length, and the body, in which they stand, is compared as a whole.
        .filter(|(name, _)| name.as_str() != "content-length" || answer.text.is_empty())
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    headers.sort();
    let request = answer.header("x-request-id");
    let text = if request.is_empty() { answer.text.clone() } else { answer.text.replace(request, "REQUEST") };
    // The path that was asked for stands in the answer; nothing else about the id may.
    format!("{}\n{}\n\n{}", answer.status, headers.join("\n"), text.replace(id, "ID"))
}

/// One request as it is made for different ids: `(what the id is, the id, the request)`.
pub type Variant = (&'static str, String, Ask);

/// Compares how the variants are answered; says what is different, or nothing.
pub async fn compare(crawler: &Crawler, name: &str, variants: &[Variant]) -> Option<String> {
    let mut first: Option<String> = None;
    for (what, id, ask) in variants {
        let answer = crawler.send(ask).await;
        let told = told(&answer, id);
        match &first {
            None if answer.status != 404 => {
                return Some(format!("{name} as {} with {what}: {} and not 404: {told}", crawler.name(), answer.status));
            }
            None => first = Some(told),
            Some(expected) if *expected != told => {
                return Some(format!("{name} as {} tells {what} from {}:\n{expected}\n--- and\n{told}", crawler.name(), variants[0].0));
            }
            Some(_) => {}
        }
    }
    None
}

/// Compares how long the answers take; says what is different, or nothing. The median of each kind, in microseconds, is added to `seen`.
pub async fn timed(crawler: &Crawler, name: &str, variants: &[Variant], seen: &mut Vec<f64>) -> Option<String> {
    let mut said = None;
    for _ in 0..ROUNDS {
        let mut took: Vec<Vec<Duration>> = vec![Vec::with_capacity(TRIES); variants.len()];
        for _ in 0..TRIES {
            for (nth, (.., ask)) in variants.iter().enumerate() {
                took[nth].push(crawler.send(ask).await.took);
            }
        }
        let medians: Vec<f64> = took.iter_mut().map(|all| median_us(all)).collect();
        let (least, most) = (medians.iter().copied().fold(f64::MAX, f64::min), medians.iter().copied().fold(0.0, f64::max));
        if most <= least * RATIO_MAX {
            seen.push(most / least);
            return None;
        }
        let named: Vec<String> = variants.iter().zip(&medians).map(|((what, ..), median)| format!("{what} {median:.0} µs")).collect();
        said = Some(format!("{name} as {} takes its time: {}", crawler.name(), named.join(", ")));
    }
    said
}

fn median_us(all: &mut [Duration]) -> f64 {
    all.sort();
    all[all.len() / 2].as_secs_f64() * 1e6
}
