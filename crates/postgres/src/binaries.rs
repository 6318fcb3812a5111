//! Finding `initdb` and `postgres` on this machine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{FLOOR, PostgresFault};

/// Where the server's programs are, and their major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    dir: PathBuf,
    major: u32,
}

impl Binaries {
    /// Finds the binaries: `STATEHOUSE_PG_BINDIR` alone when it is set, else `PATH`, the
    /// distributions' directories (newest first), Homebrew, Postgres.app.
    ///
    /// `major`: the version an existing data directory asks for; none takes the first of at least [`FLOOR`].
    ///
    /// # Errors
    /// `BinariesMissing` when nothing is installed, `VersionUnfit` when only other versions are.
    pub fn find(major: Option<u32>) -> Result<Self, PostgresFault> {
        match env::var_os("STATEHOUSE_PG_BINDIR").filter(|dir| !dir.is_empty()) {
            Some(dir) => Self::choose(&[PathBuf::from(dir)], major),
            None => Self::choose(&places(), major),
        }
    }

    /// The first of `dirs` that fits `major`.
    ///
    /// # Errors
    /// As [`Binaries::find`].
    pub fn choose(dirs: &[PathBuf], major: Option<u32>) -> Result<Self, PostgresFault> {
        let mut unfit = Vec::new();
        for dir in dirs {
            let Some(found) = Self::inspect(dir) else {
                continue;
            };
            if major.map_or(found.major >= FLOOR, |wanted| found.major == wanted) {
                return Ok(found);
            }
            unfit.push(format!("{} in `{}`", found.major, dir.display()));
        }
        if unfit.is_empty() {
            let searched = dirs.iter().map(|dir| format!("`{}`", dir.display())).collect::<Vec<_>>().join(", ");
            return Err(PostgresFault::BinariesMissing { searched });
        }
        let wanted = major.map_or_else(|| format!("{FLOOR} or newer"), |wanted| wanted.to_string());
        Err(PostgresFault::VersionUnfit { found: unfit.join(", "), wanted })
    }

    /// The directory that holds them.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The full path of one program; a client such as `psql` may also come from `PATH`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        let own = self.dir.join(name);
        if own.exists() {
            return own;
        }
        path_dirs().into_iter().map(|dir| dir.join(name)).find(|found| found.is_file()).unwrap_or(own)
    }

    fn inspect(dir: &Path) -> Option<Self> {
        let postgres = dir.join("postgres");
        if !postgres.is_file() || !dir.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(&postgres).arg("--version").output().ok()?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        // Behind a link such as `/usr/local/bin/postgres` lies the directory that also holds the clients.
        let real = postgres.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
        let real = real.filter(|real| real.join("postgres").is_file() && real.join("initdb").is_file());
        Some(Self { dir: real.unwrap_or_else(|| dir.to_owned()), major })
    }
}

/// `postgres (PostgreSQL) 15.20 (Debian …)` and `… 18beta1` → the major number.
fn major_of(version: &str) -> Option<u32> {
    let word = version.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn path_dirs() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).filter(|dir| dir.is_absolute()).collect()
}

fn places() -> Vec<PathBuf> {
    let mut found = path_dirs();
    for (parent, prefix, rest) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/opt/homebrew/opt", "postgresql@", "bin"),
        ("/usr/local/opt", "postgresql@", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        found.extend(numbered(Path::new(parent), prefix).into_iter().map(|dir| dir.join(rest)));
    }
    // Fedora's and Alpine's plain places are on PATH; this one is not always.
    found.push(PathBuf::from("/usr/local/pgsql/bin"));
    found
}

/// The entries `prefix<number>` of `parent`, highest number first: 9 comes after 18.
fn numbered(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.split('.').next()?.parse().ok()?;
            Some((number, entry.path()))
        })
        .collect();
    found.sort_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_majors_of_releases_and_betas() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.20 (Debian 15.20-1)"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("not found"), None);
    }

    #[test]
    fn newest_first_by_number() {
        let parent = std::env::temp_dir().join(format!("statehouse-numbered-{}", std::process::id()));
        for name in ["9.6", "15", "18", "common"] {
            fs::create_dir_all(parent.join(name)).expect("a directory");
        }
        let names: Vec<_> = numbered(&parent, "").iter().map(|path| path.file_name().expect("a name").to_owned()).collect();
        fs::remove_dir_all(&parent).expect("removed");
        assert_eq!(names, ["18", "15", "9.6"]);
    }
}
