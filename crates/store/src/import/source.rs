//! Files as rows of named cells, each with its place.

use serde_json::{Map, Value};

use super::BadCell;

/// A file to import.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name as the caller wrote it; `.json` is read as JSON, everything else as CSV.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// One row, or one object of a JSON array.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub file: String,
    pub line: u64,
    pub cells: Vec<Cell>,
}

/// A value that was given; what is empty or null was not.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub name: String,
    pub column: u64,
    pub value: Value,
}

impl Row {
    pub(super) fn find(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.name == name)
    }

    pub(super) fn bad(&self, column: u64, detail: impl Into<String>, help: impl Into<String>) -> BadCell {
        BadCell { file: self.file.clone(), row: self.line, column, detail: detail.into(), help: help.into() }
    }

    pub(super) fn nested(&self, object: &Map<String, Value>) -> Row {
        Row { file: self.file.clone(), line: self.line, cells: cells(object) }
    }
}

impl Source {
    /// `lines` for `orders.lines.csv`.
    pub(super) fn child_name(&self) -> Option<&str> {
        let file = self.name.rsplit('/').next()?;
        let mut parts = file.rsplit('.').skip(1);
        let child = parts.next()?;
        parts.next().map(|_| child)
    }

    pub(super) fn rows(&self, bad: &mut Vec<BadCell>) -> Vec<Row> {
        if self.name.ends_with(".json") { self.json(bad) } else { self.csv(bad) }
    }

    fn csv(&self, bad: &mut Vec<BadCell>) -> Vec<Row> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let mut wrong = |row, column, detail: String| {
            bad.push(BadCell { file: self.name.clone(), row, column, detail, help: "correct the row and import the file again".into() });
        };
        let header: Vec<String> = match reader.headers() {
            Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect(),
            Err(cause) => {
                wrong(1, 0, format!("the header cannot be read: {cause}"));
                return Vec::new();
            }
        };
        if let Some(at) = (1..header.len()).find(|at| header[..*at].contains(&header[*at])) {
            wrong(1, at as u64 + 1, format!("the column `{}` stands here twice", header[at]));
            return Vec::new();
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(cause) => {
                    wrong(cause.position().map_or(0, csv::Position::line), 0, format!("the row cannot be read: {cause}"));
                    continue;
                }
            };
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != header.len() {
                wrong(line, 0, format!("the row has {} cells, the header {}", record.len(), header.len()));
                continue;
            }
            let given = header.iter().zip(record.iter()).enumerate().filter(|(_, (_, text))| !text.is_empty());
            let cells = given.map(|(at, (name, text))| Cell { name: name.clone(), column: at as u64 + 1, value: text.into() });
            rows.push(Row { file: self.name.clone(), line, cells: cells.collect() });
        }
        rows
    }

    fn json(&self, bad: &mut Vec<BadCell>) -> Vec<Row> {
        let mut wrong = |row, column, detail: String| {
            bad.push(BadCell { file: self.name.clone(), row, column, detail, help: "write a JSON array of objects".into() });
        };
        let values: Vec<Value> = match serde_json::from_str(&self.text) {
            Ok(values) => values,
            Err(cause) => {
                wrong(cause.line() as u64, cause.column() as u64, format!("the file cannot be read: {cause}"));
                return Vec::new();
            }
        };
        let lines = element_lines(&self.text);
        let mut rows = Vec::new();
        for (value, line) in values.iter().zip(lines) {
            match value.as_object() {
                Some(object) => rows.push(Row { file: self.name.clone(), line, cells: cells(object) }),
                None => wrong(line, 0, "this is not an object".into()),
            }
        }
        rows
    }
}

fn cells(object: &Map<String, Value>) -> Vec<Cell> {
    let given = object.iter().enumerate().filter(|(_, (_, value))| !value.is_null());
    given.map(|(at, (name, value))| Cell { name: name.clone(), column: at as u64 + 1, value: value.clone() }).collect()
}

/// The lines on which the elements of a valid JSON array begin; the reader of values does not keep them.
fn element_lines(text: &str) -> Vec<u64> {
    let (mut lines, mut line, mut depth, mut waiting) = (Vec::new(), 1, 0_u32, false);
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if quoted {
            (quoted, escaped) = (escaped || c != '"', c == '\\' && !escaped);
            continue;
        }
        let starts = waiting && !c.is_whitespace() && c != ']';
        if starts {
            lines.push(line);
            waiting = false;
        }
        match c {
            '\n' => line += 1,
            '"' => quoted = true,
            '[' | '{' => {
                depth += 1;
                waiting |= depth == 1;
            }
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' => waiting |= depth == 1,
            _ => {}
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(name: &str, text: &str) -> (Vec<Row>, Vec<BadCell>) {
        let mut bad = Vec::new();
        let rows = Source { name: name.into(), text: text.into() }.rows(&mut bad);
        (rows, bad)
    }

    #[test]
    fn a_note_of_two_lines_moves_the_lines_after_it() {
        let (rows, bad) = rows("a.csv", "key,note\na,\"one\ntwo\"\nb,\nc,x\n");
        assert!(bad.is_empty());
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 5]);
        assert_eq!(rows[0].find("note").map(|cell| &cell.value), Some(&"one\ntwo".into()));
        assert!(rows[1].find("note").is_none(), "an empty cell was not given");
    }

    #[test]
    fn a_short_row_is_named_by_its_line() {
        let (rows, bad) = rows("a.csv", "key,note\na,b\nc\n");
        assert_eq!(rows.len(), 1);
        assert_eq!(bad[0].to_string(), "a.csv:3:0: the row has 1 cells, the header 2");
    }

    #[test]
    fn elements_of_json_know_their_line() {
        let (rows, bad) = rows("a.json", "[\n {\"key\": \"a,[\\\"\"},\n\n {\"key\": \"b\", \"lines\": [{}, {}]}, {\"key\": null}\n]");
        assert!(bad.is_empty());
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 4]);
        assert!(rows[2].find("key").is_none());
    }
}
