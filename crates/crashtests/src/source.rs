//! Bugs planted in a copy of this tree: `data/edits.txt` says which lines of which file an operator changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::operator::{self, Kind, Operator};
use crate::{program, scan};

/// What a program is built from, seen from the root of the tree.
const PARTS: [&str; 5] = ["Cargo.toml", "Cargo.lock", "apps", "crates", "docs"];

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
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let (mark, rest) = line.split_at(1);
            if mark != "+" {
                change.old.push(rest.trim().to_owned());
            }
            if mark != "-" {
                change.new.push(rest.to_owned());
            }
        }
        change
    }

    /// The text with it; an error says how often its lines stand there, where that is not once.
    fn apply(&self, text: &str) -> Result<String, String> {
        let lines: Vec<&str> = text.lines().collect();
        let stands =
            |at: &usize| self.old.iter().zip(&lines[*at..]).all(|(old, line)| line.trim() == old) && *at + self.old.len() <= lines.len();
        let found: Vec<usize> = (0..lines.len()).filter(stands).collect();
        let [at] = found[..] else { return Err(format!("{}: {} places for {:?}", self.file, found.len(), self.old)) };
        let mut into: Vec<&str> = lines[..at].to_vec();
        into.extend(self.new.iter().map(String::as_str));
        into.extend(&lines[at + self.old.len()..]);
        Ok(into.join("\n") + "\n")
    }
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

    /// The files it changes and what is in them then, read below `root`.
    ///
    /// # Errors
    /// The first change that does not find its one place.
    pub fn files(&self, root: &Path) -> Result<Vec<(String, String)>, String> {
        let mut changed: Vec<(String, String)> = Vec::new();
        for change in &self.changes {
            let before = changed.iter().position(|(file, _)| *file == change.file).map(|at| changed.remove(at).1);
            let text = match before {
                Some(text) => text,
                None => fs::read_to_string(root.join(&change.file)).map_err(|cause| format!("{}: {cause}", change.file))?,
            };
            changed.push((change.file.clone(), change.apply(&text)?));
        }
        Ok(changed)
    }
}

/// A copy of this tree, and where it is built. Both stay, so that the next one builds what has changed alone.
#[derive(Debug)]
pub struct Copy {
    place: PathBuf,
}

impl Copy {
    /// Beside the directory of everything that is built. What is built is this tree as it stands now, whatever is written
    /// in it meanwhile.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn new() -> Copy {
        let target = program::target();
        let name = format!("{}-plants", target.file_name().unwrap_or_default().to_string_lossy());
        let copy = Copy { place: target.with_file_name(name) };
        for part in PARTS {
            bring(&scan::root().join(part), &copy.origin().join(part), &BTreeSet::new());
        }
        copy
    }

    /// Builds the program with a bug in it.
    ///
    /// # Errors
    /// What the compiler says.
    ///
    /// # Panics
    /// When the bug finds no place, or the copy cannot be written.
    pub fn build(&self, plant: Option<&Plant>) -> Result<PathBuf, String> {
        let root = self.origin();
        let files = plant.map_or_else(Vec::new, |plant| plant.files(&root).unwrap_or_else(|cause| panic!("{}: {cause}", plant.name)));
        // Whatever another bug has changed is as it was.
        for part in PARTS {
            bring(&root.join(part), &self.tree().join(part), &files.iter().map(|(file, _)| root.join(file)).collect());
        }
        for (file, text) in &files {
            write(&self.tree().join(file), text.as_bytes());
        }
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--locked", "--package", "statehouse", "--bin", "statehouse", "--features", "points"]);
        command.current_dir(self.tree()).env("CARGO_TARGET_DIR", &self.place).env_remove("CARGO_BUILD_BUILD_DIR");
        let output = command.output().unwrap_or_else(|cause| panic!("cargo cannot be run: {cause}"));
        if output.status.success() {
            // The next build must not write into what a process of this one runs from.
            let built = self.place.join("planted");
            let _ = fs::remove_file(&built);
            fs::copy(self.place.join("debug/statehouse"), &built).unwrap_or_else(|cause| panic!("`{}`: {cause}", built.display()));
            Ok(built)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// As it was.
    fn origin(&self) -> PathBuf {
        self.place.join("origin")
    }

    /// As it is built.
    fn tree(&self) -> PathBuf {
        self.place.join("tree")
    }
}

impl Default for Copy {
    fn default() -> Copy {
        Copy::new()
    }
}

/// Makes `to` what `from` is, and writes nothing that is the same already.
fn bring(from: &Path, to: &Path, but: &BTreeSet<PathBuf>) {
    if from.is_dir() {
        let names =
            |dir: &Path| -> BTreeSet<_> { fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect() };
        let wanted = names(from);
        for name in names(to).difference(&wanted) {
            let gone = to.join(name);
            let _ = if gone.is_dir() { fs::remove_dir_all(&gone) } else { fs::remove_file(&gone) };
        }
        for name in wanted {
            bring(&from.join(&name), &to.join(&name), but);
        }
    } else if !but.iter().any(|file| file == from) {
        let text = fs::read(from).unwrap_or_else(|cause| panic!("`{}`: {cause}", from.display()));
        write(to, &text);
    }
}

fn write(file: &Path, text: &[u8]) {
    if fs::read(file).is_ok_and(|there| there == text) {
        return;
    }
    let parent = file.parent().unwrap_or(file);
    fs::create_dir_all(parent).and_then(|()| fs::write(file, text)).unwrap_or_else(|cause| panic!("`{}`: {cause}", file.display()));
}
