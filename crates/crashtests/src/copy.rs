//! A copy of this tree with every bug of the source in it, and the program that is built of it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::source::{CHOSEN, Plant, switched};
use crate::{program, scan};

/// What a program is built from, seen from the root of the tree.
const PARTS: [&str; 5] = ["Cargo.toml", "Cargo.lock", "apps", "crates", "docs"];

/// A copy of this tree, and where it is built. Both stay, so that the next time builds what has changed alone.
#[derive(Debug)]
pub struct Copy {
    place: PathBuf,
}

impl Copy {
    /// Builds the program with all of `plants` in it, beside the directory of everything that is built.
    ///
    /// # Errors
    /// A bug that finds no place, or what the compiler says.
    ///
    /// # Panics
    /// When the copy cannot be written.
    pub fn build(plants: &[Plant]) -> Result<Copy, String> {
        let target = program::target();
        let name = format!("{}-plants", target.file_name().unwrap_or_default().to_string_lossy());
        let copy = Copy { place: target.with_file_name(name) };
        let (root, tree) = (scan::root(), copy.place.join("tree"));
        let files = switched(plants, &root)?;
        let but: BTreeSet<PathBuf> = files.keys().map(|file| root.join(file)).collect();
        for part in PARTS {
            bring(&root.join(part), &tree.join(part), &but);
        }
        for (file, text) in &files {
            write(&tree.join(file), text.as_bytes());
        }
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--locked", "--package", "statehouse", "--bin", "statehouse", "--features", "points"]);
        command.current_dir(&tree).env("CARGO_TARGET_DIR", &copy.place).env_remove("CARGO_BUILD_BUILD_DIR");
        let output = command.output().unwrap_or_else(|cause| panic!("cargo cannot be run: {cause}"));
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(copy)
    }

    /// The program as this tree is.
    #[must_use]
    pub fn sound(&self) -> PathBuf {
        self.place.join("debug/statehouse")
    }

    /// The program with one of the bugs.
    ///
    /// # Panics
    /// When the file that runs it cannot be written.
    #[must_use]
    pub fn with(&self, plant: &Plant) -> PathBuf {
        let runs = self.place.join(format!("with-{}", plant.name.replace(' ', "-")));
        let text = format!("#!/bin/sh\n{CHOSEN}='{}' exec '{}' \"$@\"\n", plant.name, self.sound().display());
        write(&runs, text.as_bytes());
        let may_run = fs::set_permissions(&runs, fs::Permissions::from_mode(0o755));
        may_run.unwrap_or_else(|cause| panic!("`{}`: {cause}", runs.display()));
        runs
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
