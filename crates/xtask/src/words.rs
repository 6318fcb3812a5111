//! The project speaks of itself alone: no path of one machine, no host of a private registry, no word about how a
//! text came to be.

use crate::tree::Tree;

/// What is never written, in lower case. Each is put together from two parts, so that this file passes its own rule.
const NEVER: &[(&str, &str)] = &[
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/fa", "rm/"), "a path of one machine"),
    (concat!("/tmp/", "brief"), "a path of one machine"),
    (concat!("../sha", "red/"), "a path outside the project"),
    (concat!("rese", "arch/"), "a path outside the project"),
    (concat!("sparse", "+http"), "a registry host"),
    (concat!("--index", "-url"), "a registry host"),
    (concat!("npm_config_", "registry"), "a registry host"),
    (concat!("gop", "roxy="), "a registry host"),
    (concat!("co-auth", "ored-by"), "who made it"),
    (concat!("generated ", "with cla", "ude"), "who made it"),
    (concat!("cla", "ude ", "code"), "who made it"),
    (concat!("as an a", "i "), "who made it"),
    (concat!("ai-", "generated"), "who made it"),
    (concat!("written by ", "a model"), "who made it"),
    (concat!("sub", "agent"), "who made it"),
    (concat!("the ", "brief "), "how it was made"),
    (concat!("issue ", "2 "), "how it was made"),
    (concat!("issues ", "show"), "how it was made"),
];

/// Names of documents that are not in the project; case matters, since `docs/law.md` is.
const ABSENT: &[&str] = &[concat!("DESI", "GN.md"), concat!("LA", "W.md"), concat!("STY", "LE.md"), concat!("SYST", "EMS.md")];

/// The only sources a lock file may name.
const PUBLIC: &[&str] =
    &[concat!("registry+https://github.com/rust-lang/", "crates", ".io-index"), concat!("https://registry.", "npm", "js.org/")];

/// Every line that says what is never written, as `path:line: why`.
pub fn problems(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for file in &tree.files {
        for (at, line) in file.text.lines().enumerate() {
            if let Some((what, why)) = breach(line) {
                problems.push(format!("{}:{}: `{what}` names {why}", file.path, at + 1));
            }
        }
    }
    problems
}

fn breach(line: &str) -> Option<(&'static str, &'static str)> {
    let lower = line.to_lowercase();
    let never = NEVER.iter().find(|(what, _)| lower.contains(what)).copied();
    let absent = || ABSENT.iter().find(|what| line.contains(**what)).map(|what| (*what, "a document not in the project"));
    let locked = lower.trim_start();
    let from_registry = locked.starts_with("source = \"registry+") || locked.starts_with("\"resolved\": \"http");
    let private = from_registry && !PUBLIC.iter().any(|source| lower.contains(source));
    never.or_else(absent).or(private.then_some(("source", "a registry host")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_and_its_place_named() {
        for (what, why) in NEVER {
            let text = format!("fine\n// see {}x\n", what.to_uppercase());
            let found = problems(&Tree::of(&[("a.rs", &text)]));
            assert_eq!(found.len(), 1, "{what}");
            assert!(found[0].starts_with("a.rs:2: ") && found[0].ends_with(why), "{}", found[0]);
        }
    }

    #[test]
    fn a_document_that_is_not_here_is_found_and_ours_is_not() {
        let text = format!("see docs/law.md\nsee {}\n", ABSENT[1]);
        assert_eq!(problems(&Tree::of(&[("a.md", &text)])).len(), 1);
    }

    #[test]
    fn a_lock_file_names_public_sources_only() {
        let public = &format!("source = \"{}\"\n", PUBLIC[0]);
        assert_eq!(problems(&Tree::of(&[("Cargo.lock", public)])), [""; 0]);
        let private = "source = \"registry+https://crates.example/index\"\n";
        assert_eq!(problems(&Tree::of(&[("Cargo.lock", private)])).len(), 1);
        let private = "  \"resolved\": \"https://npm.example/x.tgz\",\n";
        assert_eq!(problems(&Tree::of(&[("package-lock.json", private)])).len(), 1);
    }
}
