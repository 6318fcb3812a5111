//! Rows of a rule table from CSV, with the place of every cell.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{RuleTable, Span};
use crate::read::cx::Cx;
use crate::read::table::{Cells, known, unknown};

/// Rows of the file; an empty cell is no cell.
pub(crate) fn csv(cx: &mut Cx<'_>, file: &Arc<str>, text: &str, table: &RuleTable, name: &str) -> Vec<Cells> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => records.push(record),
            Err(error) => {
                let line = error.position().map_or(1, |position| position.line() as usize);
                let at = Span { file: file.clone(), line, column: 1, offset: 0, len: 0 };
                cx.push(Finding::error("SH3034", &at, format!("`{file}` is not CSV")).help("correct the quoting"));
                return Vec::new();
            }
        }
    }
    let mut records = records.iter().map(|record| (record, places(file, text, record)));
    let Some((header, header_at)) = records.next() else {
        return Vec::new();
    };
    if !header_is_good(cx, file, header, &header_at, table, name) {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (record, at) in records {
        let row = Span { len: at.last().map_or(0, |last| last.offset + last.len) - at[0].offset, ..at[0].clone() };
        if record.len() != header.len() {
            let message = format!("this row has {} cells, the header {}", record.len(), header.len());
            cx.push(Finding::error("SH3034", &row, message).help("add or remove a comma, or put quotes around a text"));
            continue;
        }
        let mut cells = IndexMap::new();
        for ((column, cell), at) in header.iter().zip(record).zip(at) {
            if !cell.trim().is_empty() {
                cells.insert(column.trim().to_owned(), (cell.trim().to_owned(), at));
            }
        }
        all.push(Cells { at: row, cells });
    }
    all
}

fn header_is_good(cx: &mut Cx<'_>, file: &Arc<str>, header: &csv::StringRecord, at: &[Span], table: &RuleTable, name: &str) -> bool {
    let before = cx.findings.len();
    for (column, at) in header.iter().zip(at) {
        if !known(table).any(|known| known == column.trim()) {
            cx.push(unknown(column.trim(), at, table, name));
        }
    }
    for column in known(table).filter(|column| !matches!(*column, "valid_to" | "market" | "source" | "checked_on")) {
        if !header.iter().any(|written| written.trim() == column) {
            let at = Span { file: file.clone(), ..at[0].clone() };
            let finding = Finding::error("SH3034", &at, format!("column `{column}` of `{name}` is missing"));
            cx.push(finding.help(format!("add the column `{column}`")));
        }
    }
    cx.findings.len() == before
}

/// Where each cell of a record stands; quotes belong to the cell.
fn places(file: &Arc<str>, text: &str, record: &csv::StringRecord) -> Vec<Span> {
    let (start, mut line) = record.position().map_or((0, 1), |at| (at.byte() as usize, at.line() as usize));
    // The reader's position may stand before line breaks that it skips.
    let skipped = text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
    line += text[start..start + skipped].matches('\n').count();
    let mut offset = start + skipped;
    let mut column = 1;
    let mut all = Vec::new();
    for _ in 0..record.len().max(1) {
        let len = cell_len(&text[offset..]);
        let written = &text[offset..offset + len];
        all.push(Span { file: file.clone(), line, column, offset, len });
        line += written.matches('\n').count();
        column = match written.rfind('\n') {
            Some(n) => written[n..].chars().count() + 1,
            None => column + written.chars().count() + 1,
        };
        offset = (offset + len + 1).min(text.len());
    }
    all
}

fn cell_len(text: &str) -> usize {
    let mut quoted = false;
    for (n, b) in text.bytes().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b',' | b'\n' | b'\r' if !quoted => return n,
            _ => {}
        }
    }
    text.len()
}
