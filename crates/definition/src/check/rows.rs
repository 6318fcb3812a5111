//! SH3035: two rows of a rule table that answer the same question on the same day.

use std::collections::HashMap;

use crate::check::Judge;
use crate::finding::{Finding, quoted_list};
use crate::model::RuleRow;

pub(super) fn judge(judge: &mut Judge<'_>) {
    for (name, table) in &judge.app.tables {
        let mut same: HashMap<(Vec<&str>, Option<&str>), Vec<&RuleRow>> = HashMap::new();
        for row in &table.rows {
            let matches = table.matches.keys().map(|column| row.matches.get(column).map_or("", String::as_str)).collect();
            same.entry((matches, row.market.as_deref())).or_default().push(row);
        }
        for ((matches, market), mut rows) in same {
            rows.sort_by(|a, b| (&a.valid_from, a.at.offset).cmp(&(&b.valid_from, b.at.offset)));
            let mut until: Option<&RuleRow> = None;
            for row in rows {
                if let Some(earlier) = until
                    && earlier.valid_to.as_ref().is_none_or(|to| *to > row.valid_from)
                {
                    judge.findings.push(overlap(name, &matches, market, earlier, row));
                }
                let ends_later = |earlier: &RuleRow| match (&row.valid_to, &earlier.valid_to) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(mine), Some(theirs)) => mine > theirs,
                };
                if until.is_none_or(ends_later) {
                    until = Some(row);
                }
            }
        }
    }
}

fn overlap(table: &str, matches: &[&str], market: Option<&str>, earlier: &RuleRow, row: &RuleRow) -> Finding {
    let (first, second) = if earlier.at.offset <= row.at.offset { (earlier, row) } else { (row, earlier) };
    let question = match matches {
        [] => String::new(),
        _ => format!(" for {}", quoted_list(matches)),
    };
    let market = market.map(|market| format!(" in market `{market}`")).unwrap_or_default();
    let message =
        format!("lines {} and {} of `{table}` both hold{question}{market} from {}", first.at.line, second.at.line, row.valid_from);
    Finding::error("SH3035", &second.at, message)
        .help(format!("end one of the two before the other begins: `valid_to: {}`", row.valid_from))
}
