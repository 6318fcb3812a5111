//! Bugs of the source: `data/edits.txt` says which lines of which file an operator changes.
//!
//! They are planted by [`crate::copy`], in a copy of this tree. Each function that bugs change stands there with a body for each of them beside
//! its own, and the environment says which one runs: so all of them are one build.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::operator::{self, Kind, Operator};

/// The variable that names the bug that is there; where it is not set there is none.
pub const CHOSEN: &str = "PLANTED_BUG";

/// One bug at one place in the source.
#[derive(Debug, Clone)]
pub struct Plant {
    /// Such as `A11 2`: the operator and the number of its place.
    pub name: String,
    /// What is wrong.
    pub operator: Operator,
    changes: Vec<Change>,
}

/// Lines of a file that become others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Change {
    file: String,
    /// As they stand, without their indent.
    old: Vec<String>,
    new: Vec<String>,
    /// Lines of `old` before the first that changes, or after which something comes.
    until: usize,
    /// Whether something goes.
    takes: bool,
}

/// Every bug of the file, in its order.
///
/// # Panics
/// When it cannot be read, or names an operator that is not one of the source.
#[must_use]
pub fn all() -> Vec<Plant> {
    let operators = operator::all();
    let blocks = include_str!("../data/edits.txt").split("\n== ").skip(1);
    let read = |block: &str| {
        let (name, changes) = block.split_once('\n').unwrap_or((block, ""));
        let id = name.split(' ').next().unwrap_or_default();
        let operator = operators.iter().find(|operator| operator.id == id && operator.kind == Kind::Source);
        let operator = operator.unwrap_or_else(|| panic!("data/edits.txt: `{id}` is no operator of the source")).clone();
        Plant { name: name.to_owned(), operator, changes: format!("\n{changes}").split("\n@ ").skip(1).map(Change::read).collect() }
    };
    blocks.map(read).collect()
}

impl Change {
    fn read(text: &str) -> Change {
        let mut lines = text.lines();
        let mut change = Change { file: lines.next().unwrap_or_default().trim().to_owned(), ..Change::default() };
        let mut same = true;
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let (mark, rest) = line.split_at(1);
            same &= mark == " ";
            change.until += usize::from(same);
            change.takes |= mark == "-";
            if mark != "+" {
                change.old.push(rest.trim().to_owned());
            }
            if mark != "-" {
                change.new.push(rest.to_owned());
            }
        }
        change
    }

    /// Where its lines stand; an error says how often, where that is not once.
    fn place(&self, lines: &[&str]) -> Result<usize, String> {
        let stands =
            |at: &usize| self.old.iter().zip(&lines[*at..]).all(|(old, line)| line.trim() == old) && *at + self.old.len() <= lines.len();
        let found: Vec<usize> = (0..lines.len()).filter(stands).collect();
        let [at] = found[..] else { return Err(format!("{}: {} places for {:?}", self.file, found.len(), self.old)) };
        Ok(at)
    }

    /// The text with it.
    fn apply(&self, text: &str) -> Result<String, String> {
        let lines: Vec<&str> = text.lines().collect();
        let at = self.place(&lines)?;
        let mut into: Vec<&str> = lines[..at].to_vec();
        into.extend(self.new.iter().map(String::as_str));
        into.extend(&lines[at + self.old.len()..]);
        Ok(into.join("\n") + "\n")
    }

    /// The function whose body it changes; none where it adds an item beside others.
    fn function(&self, lines: &[&str]) -> Result<Option<Function>, String> {
        let at = self.place(lines)? + self.until;
        let found = Function::around(lines, at).or_else(|| Function::around(lines, at.saturating_sub(1)));
        match found {
            None if self.takes => Err(format!("{}: no function has {:?}", self.file, self.old)),
            found => Ok(found),
        }
    }
}

/// A function as rustfmt lays it out: its first line, the first of its body, and the one that closes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Function {
    head: usize,
    body: usize,
    close: usize,
}

impl Function {
    /// The innermost one whose body has this line.
    fn around(lines: &[&str], at: usize) -> Option<Function> {
        (0..=at.min(lines.len() - 1)).rev().find_map(|head| {
            let words = lines[head].trim_start();
            let indent = lines[head].len() - words.len();
            let is_function = words.split(' ').take_while(|word| !word.contains('(') || word.starts_with("pub(")).any(|word| word == "fn");
            let body = head + 1 + lines[head..].iter().position(|line| line.ends_with('{'))?;
            let closes = |line: &&str| line.len() == indent + 1 && line.ends_with('}');
            let close = body + lines[body..].iter().position(closes)?;
            (is_function && (body..close).contains(&at)).then_some(Function { head, body, close })
        })
    }
}

/// Every file that `plants` change, with all of them: a function that they change has a body for each, and its own.
///
/// # Errors
/// The first change that does not find its one place.
pub fn switched(plants: &[Plant], root: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut files: BTreeMap<&str, Vec<&Plant>> = BTreeMap::new();
    for plant in plants {
        for change in &plant.changes {
            let of = files.entry(&change.file).or_default();
            if !of.iter().any(|one| one.name == plant.name) {
                of.push(plant);
            }
        }
    }
    let of = |(file, plants): (&str, Vec<&Plant>)| {
        let text = fs::read_to_string(root.join(file)).map_err(|cause| format!("{file}: {cause}"))?;
        Ok((file.to_owned(), with_all(&text, file, &plants)?))
    };
    files.into_iter().map(of).collect()
}

fn with_all(text: &str, file: &str, plants: &[&Plant]) -> Result<String, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut bodies: BTreeMap<Function, Vec<(&str, String)>> = BTreeMap::new();
    let mut items: Vec<&Change> = Vec::new();
    for plant in plants {
        let mut own: BTreeMap<Function, String> = BTreeMap::new();
        for change in plant.changes.iter().filter(|change| change.file == file) {
            match change.function(&lines)? {
                Some(function) => {
                    let whole = own.entry(function).or_insert_with(|| lines[function.head..=function.close].join("\n") + "\n");
                    *whole = change.apply(whole)?;
                }
                None => items.push(change),
            }
        }
        for (function, whole) in own {
            let body: Vec<&str> = whole.lines().skip(function.body - function.head).collect();
            bodies.entry(function).or_default().push((&plant.name, body[..body.len() - 1].join("\n")));
        }
    }
    let mut into = String::new();
    let mut at = 0;
    for (function, bodies) in bodies {
        into += &(lines[at..function.body].join("\n") + "\n");
        for (name, body) in bodies {
            into += &format!(
                "if {{ static HERE: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| std::env::var({CHOSEN:?}).is_ok_and(|name| name == {name:?})); *HERE }} {{\n{body}\n}} else "
            );
        }
        into += &format!("{{\n{}\n}}\n", lines[function.body..function.close].join("\n"));
        at = function.close;
    }
    into += &(lines[at..].join("\n") + "\n");
    // An item that a bug brings is there for all, and used by that one alone.
    for change in items {
        into += &(change.new[change.until..].join("\n") + "\n");
    }
    Ok(into)
}

impl Plant {
    /// The function of the database that it changes, where that is what it changes.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.changes.first()?.file.strip_prefix("sql:")
    }

    /// The text of that function with it.
    ///
    /// # Errors
    /// A change that does not find its one place.
    pub fn text(&self, function: &str) -> Result<String, String> {
        self.changes.iter().try_fold(function.to_owned(), |text, change| change.apply(&text))
    }
}
