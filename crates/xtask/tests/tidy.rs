//! The house rules, held against the tree as it stands. `cargo xtask tidy` says the same.

use statehouse_xtask::tree::{Tree, root};
use statehouse_xtask::{codes, floors, readmes, words};

fn check(problems: fn(&Tree) -> Vec<String>) {
    let tree = Tree::read(&root()).expect("the tree is readable");
    // A walk that lost its way would find nothing wrong.
    assert!(tree.text("crates/xtask/tests/tidy.rs").is_some(), "the tree was not found");
    let problems = problems(&tree);
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn crates_depend_on_lower_floors_only() {
    check(floors::problems);
}

#[test]
fn the_project_speaks_of_itself_alone() {
    check(words::problems);
}

#[test]
fn every_crate_says_what_it_owns() {
    check(readmes::problems);
}

#[test]
fn codes_and_pages_agree() {
    check(codes::pages);
}

#[test]
fn only_listed_codes_are_named() {
    check(codes::mentions);
}

#[test]
fn every_code_is_provoked_or_admitted() {
    check(codes::provoked);
}
