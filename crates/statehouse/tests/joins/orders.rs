//! Every order of things, and every beginning of one.

use std::collections::BTreeSet;

/// Every order of these letters, each once.
pub fn all(letters: &str) -> BTreeSet<String> {
    if letters.is_empty() {
        return BTreeSet::from([String::new()]);
    }
    let rest = |at: usize| format!("{}{}", &letters[..at], &letters[at + 1..]);
    let led_by = |at: usize| all(&rest(at)).into_iter().map(move |order| format!("{}{order}", &letters[at..=at]));
    (0..letters.len()).flat_map(led_by).collect()
}

/// Every beginning of these, the whole ones among them.
pub fn beginnings(orders: &BTreeSet<String>) -> BTreeSet<String> {
    orders.iter().flat_map(|order| (0..=order.len()).map(|end| order[..end].to_owned())).collect()
}
