//! The files of the project as text: everything git would not ignore.

use std::io;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

/// Every text file of the project, sorted by path.
#[derive(Default)]
pub struct Tree {
    /// The files, with paths relative to the root and `/` between the parts.
    pub files: Vec<File>,
}

/// One text file.
pub struct File {
    /// Relative to the root, such as `crates/fault/src/lib.rs`.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

impl Tree {
    /// Reads what git tracks or would track. The ignore files are read directly and git is not asked, so that a
    /// checkout owned by another user, or an unpacked archive, is read too. Files that are not text are left out.
    pub fn read(root: &Path) -> io::Result<Tree> {
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .parents(false)
            .git_global(false)
            .require_git(false)
            .filter_entry(|entry| entry.file_name() != ".git")
            .build();
        let mut tree = Tree::default();
        for entry in walk {
            let entry = entry.map_err(io::Error::other)?;
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            let path = relative(root, entry.path());
            match std::fs::read(entry.path()).map(String::from_utf8) {
                Ok(Ok(text)) => tree.files.push(File { path, text }),
                Ok(Err(_)) => {}
                // Somebody removed it while we walked.
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
                Err(cause) => return Err(cause),
            }
        }
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// A tree of the given paths and texts, for tests of the rules.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Tree { files: files.iter().map(file).collect() }
    }

    /// The text of the file at this path.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// The folders in `crates/`, as `(folder, text of Cargo.toml)`.
    pub fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|file| {
            let folder = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
            (!folder.contains('/')).then_some((folder, file.text.as_str()))
        })
    }
}

/// The root of the workspace this crate was started from.
pub fn root() -> PathBuf {
    // At run time, since one target folder may serve several checkouts.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.join("../..")
}

fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
