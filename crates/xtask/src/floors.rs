//! A crate depends only on lower floors, and siblings never on each other.

use std::collections::BTreeMap;

use toml::Table;

use crate::tree::Tree;

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Floor {
    Number(i64),
    /// Tools and tests: may depend on anything, and nothing shipped depends on them.
    Dev,
}

/// What breaks the order of floors, one line each.
pub fn problems(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    let mut manifests = BTreeMap::new();
    for (folder, text) in tree.crates() {
        match text.parse::<Table>() {
            Ok(manifest) => {
                let package = package(&manifest, folder);
                let expected = format!("statehouse-{folder}");
                if package != expected && package != folder {
                    problems.push(format!("crates/{folder}: package `{package}` should be `{expected}`"));
                }
                match floor(&manifest) {
                    Some(floor) => _ = manifests.insert(package, (folder, floor, manifest)),
                    None => problems.push(format!("crates/{folder}: no floor in [package.metadata.statehouse]")),
                }
            }
            Err(cause) => problems.push(format!("crates/{folder}: Cargo.toml: {cause}")),
        }
    }
    for (folder, floor, manifest) in manifests.values() {
        for (name, for_tests) in dependencies(manifest) {
            let Some((_, other, _)) = manifests.get(&name) else {
                continue;
            };
            if let Some(why) = breach(*floor, *other, for_tests) {
                problems.push(format!("crates/{folder}: {why} `{name}`"));
            }
        }
    }
    problems
}

fn breach(from: Floor, to: Floor, for_tests: bool) -> Option<&'static str> {
    match (from, to) {
        (Floor::Dev, _) => None,
        (Floor::Number(_), Floor::Dev) if for_tests => None,
        (Floor::Number(_), Floor::Dev) => Some("what is shipped depends on the dev crate"),
        (Floor::Number(from), Floor::Number(to)) if from == to => Some("depends on its sibling"),
        (Floor::Number(from), Floor::Number(to)) if from < to => Some("depends on a higher floor"),
        (Floor::Number(_), Floor::Number(_)) => None,
    }
}

fn package(manifest: &Table, folder: &str) -> String {
    let name = manifest.get("package").and_then(|package| package.get("name"));
    name.and_then(|name| name.as_str()).unwrap_or(folder).to_owned()
}

fn floor(manifest: &Table) -> Option<Floor> {
    let floor = manifest.get("package")?.get("metadata")?.get("statehouse")?.get("floor")?;
    match floor.as_str() {
        Some("dev") => Some(Floor::Dev),
        Some(_) => None,
        None => floor.as_integer().map(Floor::Number),
    }
}

/// The packages a manifest names, those of every target too, and whether only tests use them.
fn dependencies(manifest: &Table) -> Vec<(String, bool)> {
    let targets = manifest.get("target").and_then(|target| target.as_table());
    let sections = targets.into_iter().flat_map(|targets| targets.values()).filter_map(|target| target.as_table());
    let mut found = Vec::new();
    for section in sections.chain([manifest]) {
        for (kind, for_tests) in [("dependencies", false), ("build-dependencies", false), ("dev-dependencies", true)] {
            let Some(named) = section.get(kind).and_then(|named| named.as_table()) else {
                continue;
            };
            for (name, how) in named {
                // `other = { package = "statehouse-fault" }` is the same dependency under another name.
                let package = how.get("package").and_then(|package| package.as_str()).unwrap_or(name);
                found.push((package.to_owned(), for_tests));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fault_needs: &str, expected: &[&str]) {
        let manifest = |name: &str, floor: &str, rest: &str| {
            format!("[package]\nname = \"statehouse-{name}\"\n[package.metadata.statehouse]\nfloor = {floor}\n{rest}")
        };
        let tree = Tree::of(&[
            ("crates/base/Cargo.toml", &manifest("base", "1", "")),
            ("crates/fault/Cargo.toml", &manifest("fault", "2", fault_needs)),
            ("crates/twin/Cargo.toml", &manifest("twin", "2", "")),
            ("crates/store/Cargo.toml", &manifest("store", "3", "")),
            ("crates/kit/Cargo.toml", &manifest("kit", "\"dev\"", "[dependencies]\nstatehouse-store.workspace = true")),
        ]);
        assert_eq!(problems(&tree), expected);
    }

    #[test]
    fn lower_floors_and_dev_in_tests_are_fine() {
        check("[dependencies]\nstatehouse-base.workspace = true\n[dev-dependencies]\nstatehouse-kit.workspace = true", &[]);
    }

    #[test]
    fn siblings_higher_floors_and_dev_are_refused() {
        check("[dependencies]\nstatehouse-twin.workspace = true", &["crates/fault: depends on its sibling `statehouse-twin`"]);
        check("[dev-dependencies]\nstatehouse-store.workspace = true", &["crates/fault: depends on a higher floor `statehouse-store`"]);
        check(
            "[build-dependencies]\nstatehouse-kit.workspace = true",
            &["crates/fault: what is shipped depends on the dev crate `statehouse-kit`"],
        );
    }

    #[test]
    fn another_name_or_target_hides_nothing() {
        check(
            "[target.'cfg(unix)'.dependencies]\nx = { package = \"statehouse-store\", path = \"../store\" }",
            &["crates/fault: depends on a higher floor `statehouse-store`"],
        );
    }

    #[test]
    fn a_crate_says_its_floor() {
        let tree = Tree::of(&[("crates/a/Cargo.toml", "[package]\nname = \"statehouse-b\"")]);
        let expected = ["crates/a: package `statehouse-b` should be `statehouse-a`", "crates/a: no floor in [package.metadata.statehouse]"];
        assert_eq!(problems(&tree), expected);
    }
}
