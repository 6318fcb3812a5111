//! The binary under test, built with its points. It shares what is built of other crates with the tests, and lies beside
//! them in a directory of its own, so that nobody takes it for the one that is shipped.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary that `STATEHOUSE_CRASH_PROGRAM` names, else one built with points from this tree: optimised where a run is
/// long.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn under_test(long: bool) -> PathBuf {
    match std::env::var_os("STATEHOUSE_CRASH_PROGRAM").filter(|path| !path.is_empty()) {
        Some(named) => named.into(),
        None if long => made(&tree(), &target().join("points"), &["--release"]).join("release/statehouse"),
        None => with_points().to_owned(),
    }
}

/// Builds the binary with points from this tree, once a process, and returns where it is.
///
/// # Panics
/// When it cannot be built.
pub fn with_points() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&tree(), &target().join("points")))
}

/// The directory of everything that is built.
///
/// # Panics
/// When the test does not run out of one.
#[must_use]
pub fn target() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_else(|cause| panic!("no name of one's own: {cause}"));
    // target/debug/deps/crash-…
    exe.ancestors().nth(3).unwrap_or_else(|| panic!("`{}` does not lie in a target directory", exe.display())).to_owned()
}

/// Builds the binary of `tree` with points into `into`.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn build(tree: &Path, into: &Path) -> PathBuf {
    made(tree, into, &[]).join("debug/statehouse")
}

fn made<'a>(tree: &Path, into: &'a Path, how: &[&str]) -> &'a Path {
    let mut command = Command::new(env!("CARGO"));
    command.args(["build", "--quiet", "--locked", "--package", "statehouse", "--bin", "statehouse", "--features", "points"]);
    command.args(how).current_dir(tree).env("CARGO_TARGET_DIR", into).env("CARGO_BUILD_BUILD_DIR", target());
    let output = command.output().unwrap_or_else(|cause| panic!("cargo cannot be run: {cause}"));
    assert!(output.status.success(), "it does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    into
}

fn tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
