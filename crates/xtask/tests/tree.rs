//! What counts as part of the tree.

use statehouse_xtask::tree::Tree;

#[test]
fn ignored_files_and_git_itself_are_left_out_hidden_ones_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &[u8]| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    write(".gitignore", b"/target\n");
    write("target/out.rs", b"ignored");
    write(".git/config", b"git's own");
    write(".ci/run", b"hidden");
    write("src/lib.rs", b"text");
    write("logo.png", b"\xff\xfe");
    let tree = Tree::read(folder.path()).expect("readable");
    let paths: Vec<&str> = tree.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".ci/run", ".gitignore", "src/lib.rs"]);
}
