//! `prices/NAME.yaml` with `table:`, rows inside or in a CSV file beside it.

use indexmap::IndexMap;

use crate::finding::{Finding, quoted_list};
use crate::model::{FieldKind, Named, RuleRow, RuleTable, Span};
use crate::read::cx::{Cx, Keys};
use crate::read::{field, rows, words};
use crate::yaml::{Node, Value};

/// Columns every rule table has besides its own.
pub(crate) const FIXED: [&str; 5] = ["valid_from", "valid_to", "market", "source", "checked_on"];

/// A row as cells: column → text and place, with the place of the row.
pub(crate) struct Cells {
    pub at: Span,
    pub cells: IndexMap<String, (String, Span)>,
}

/// Finds the text of a CSV file beside the table's own file.
pub(crate) type Beside<'a> = &'a dyn Fn(&str) -> Option<(std::sync::Arc<str>, &'a str)>;

pub(crate) fn table(cx: &mut Cx<'_>, root: &Node, beside: Beside<'_>) -> Option<(String, RuleTable)> {
    let keys = cx.keys(root, "table", "a rule table", &["table", "label", "match", "value", "band", "rows"])?;
    let node = keys.get("table")?;
    let name = cx.text(node, "table")?.to_owned();
    if !cx.name(&name, &node.at) {
        return None;
    }
    let owner = format!("rule table `{name}`");
    let help = "add `value: { rate: decimal }`, what the table gives";
    let value = cx.need(keys, "value", &owner, &node.at, help);
    let mut one = RuleTable {
        at: node.at.clone(),
        label: cx.label(keys, &name),
        matches: columns(cx, keys.get("match"), "match"),
        band: None,
        values: columns(cx, value, "value"),
        rows: Vec::new(),
    };
    doubled(cx, keys, &one);
    one.band = band(cx, keys, &one, &name);
    value?;
    let cells = cells(cx, keys, &one, &name, beside);
    one.rows = cells.iter().filter_map(|cells| row(cx, cells, &one, &name)).collect();
    Some((name, one))
}

fn columns(cx: &mut Cx<'_>, node: Option<&Node>, key: &str) -> Named<FieldKind> {
    cx.named(node, key, |cx, entry| {
        if FIXED.contains(&entry.key.as_str()) || words::ENGINE_COLUMNS.contains(&entry.key.as_str()) {
            let finding = Finding::error("SH3007", &entry.key_at, format!("`{}` is reserved", entry.key));
            cx.push(finding.help("choose another name; every rule table has a column of this name"));
            return None;
        }
        let word = cx.text(&entry.value, &entry.key)?;
        let kind = field::plain(word).filter(is_cell);
        if kind.is_none() {
            let words = ["text", "integer", "decimal", "money", "percent", "currency", "date", "bool"];
            let finding = Finding::error("SH3034", &entry.value.at, format!("`{word}` is not a type of a cell"));
            cx.push(finding.nearest(word, words, "write text, integer, decimal, currency, date or bool"));
        }
        kind
    })
}

fn is_cell(kind: &FieldKind) -> bool {
    use FieldKind::*;
    matches!(kind, Text | Integer | Decimal | Money | Percent | Currency | Date | Bool)
}

fn doubled(cx: &mut Cx<'_>, keys: Keys<'_>, table: &RuleTable) {
    for entry in keys.get("value").map(Node::entries).unwrap_or_default() {
        if table.matches.contains_key(&entry.key) {
            let message = format!("column `{}` is matched and given", entry.key);
            cx.push(Finding::error("SH3034", &entry.key_at, message).help("keep it in `match` or in `value`"));
        }
    }
}

fn band(cx: &mut Cx<'_>, keys: Keys<'_>, table: &RuleTable, name: &str) -> Option<String> {
    use FieldKind::*;
    let node = keys.get("band")?;
    let band = cx.text(node, "band")?;
    match table.matches.get(band) {
        Some(Integer | Decimal | Money | Percent) => return Some(band.to_owned()),
        Some(_) => {
            let message = format!("band `{band}` of `{name}` is not a number");
            cx.push(Finding::error("SH3034", &node.at, message).help("make the column `integer` or `decimal`"));
        }
        None => {
            let finding = Finding::error("SH3034", &node.at, format!("`{name}` matches on no column `{band}`"));
            cx.push(finding.nearest(band, table.matches.keys().map(String::as_str), "name a column of `match`"));
        }
    }
    None
}

fn cells(cx: &mut Cx<'_>, keys: Keys<'_>, table: &RuleTable, name: &str, beside: Beside<'_>) -> Vec<Cells> {
    let Some(node) = keys.get("rows") else {
        return Vec::new();
    };
    match &node.value {
        Value::List(items) => items.iter().filter_map(|item| inline(cx, item, table, name)).collect(),
        Value::Scalar { text, .. } if text.ends_with(".csv") => match beside(text) {
            Some((file, csv)) => rows::csv(cx, &file, csv, table, name),
            None => {
                let finding = Finding::error("SH3034", &node.at, format!("there is no file `{text}` beside the table"));
                cx.push(finding.help(format!("write the rows into `{text}`, or below `rows:`")));
                Vec::new()
            }
        },
        _ => {
            cx.wrong(node, "rows", "a list or the name of a `.csv` file", &format!("write `rows: {name}.csv`"));
            Vec::new()
        }
    }
}

fn inline(cx: &mut Cx<'_>, item: &Node, table: &RuleTable, name: &str) -> Option<Cells> {
    let entries = cx.entries(item, "rows")?;
    let mut cells = IndexMap::new();
    for entry in entries {
        if !known(table).any(|column| column == entry.key) {
            cx.push(unknown(&entry.key, &entry.key_at, table, name));
        } else if !matches!(entry.value.value, Value::Null)
            && let Some(text) = cx.text(&entry.value, &entry.key)
        {
            cells.insert(entry.key.clone(), (text.to_owned(), entry.value.at.clone()));
        }
    }
    Some(Cells { at: item.at.clone(), cells })
}

/// All columns a row may have.
pub(crate) fn known(table: &RuleTable) -> impl Iterator<Item = &str> {
    table.matches.keys().chain(table.values.keys()).map(String::as_str).chain(FIXED)
}

pub(crate) fn unknown(column: &str, at: &Span, table: &RuleTable, name: &str) -> Finding {
    let finding = Finding::error("SH3034", at, format!("`{name}` has no column `{column}`"));
    match crate::finding::nearest(column, known(table)) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help(format!("columns are {}", quoted_list(known(table)))),
    }
}

fn row(cx: &mut Cx<'_>, row: &Cells, table: &RuleTable, name: &str) -> Option<RuleRow> {
    let matches = typed(cx, row, &table.matches, name);
    let values = typed(cx, row, &table.values, name);
    for column in ["source", "checked_on"] {
        if !row.cells.contains_key(column) {
            let finding = Finding::error("SH3036", &row.at, format!("this row of `{name}` has no `{column}`"));
            cx.push(finding.help(match column {
                "source" => "say where the row comes from, in `source`",
                _ => "say on which day somebody looked, in `checked_on`",
            }));
        }
    }
    if !row.cells.contains_key("valid_from") {
        let finding = Finding::error("SH3034", &row.at, format!("this row of `{name}` has no `valid_from`"));
        cx.push(finding.help("add `valid_from: 2026-01-01`, the first day it holds"));
    }
    for column in ["valid_from", "valid_to", "checked_on"] {
        if let Some((text, at)) = row.cells.get(column).filter(|(text, _)| !words::is_date(text)) {
            cx.push(Finding::error("SH3034", at, format!("`{text}` is not a date")).help("write it as `2026-01-31`"));
        }
    }
    let cell = |column: &str| row.cells.get(column).map(|(text, _)| text.clone());
    if let (Some(from), Some(to)) = (cell("valid_from"), cell("valid_to"))
        && from >= to
    {
        let finding = Finding::error("SH3034", &row.cells["valid_to"].1, format!("`{to}` is not after `{from}`"));
        cx.push(finding.help("`valid_to` is the first day the row no longer holds"));
    }
    Some(RuleRow {
        at: row.at.clone(),
        matches: matches?,
        values: values?,
        valid_from: cell("valid_from")?,
        valid_to: cell("valid_to"),
        market: cell("market"),
        source: cell("source")?,
        checked_on: cell("checked_on")?,
    })
}

fn typed(cx: &mut Cx<'_>, row: &Cells, columns: &Named<FieldKind>, name: &str) -> Option<Named<String>> {
    let mut all = IndexMap::new();
    let mut good = true;
    for (column, kind) in columns {
        let Some((text, at)) = row.cells.get(column) else {
            let finding = Finding::error("SH3034", &row.at, format!("this row of `{name}` has no `{column}`"));
            cx.push(finding.help(format!("add `{column}`")));
            good = false;
            continue;
        };
        if let Some(takes) = mismatch(kind, text) {
            cx.push(Finding::error("SH3034", at, format!("`{text}` is not {takes}")).help(format!("write {takes}")));
            good = false;
        }
        all.insert(column.clone(), text.clone());
    }
    good.then_some(all)
}

fn mismatch(kind: &FieldKind, text: &str) -> Option<&'static str> {
    use FieldKind::*;
    let (good, takes) = match kind {
        Integer | Money => (words::is_number(text, false), "a whole number"),
        Decimal | Percent => (words::is_number(text, true), "a number"),
        Currency => (text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()), "three capitals such as `EUR`"),
        Date => (words::is_date(text), "a date such as `2026-01-31`"),
        Bool => (matches!(text, "true" | "false"), "true or false"),
        _ => (true, ""),
    };
    (!good).then_some(takes)
}
