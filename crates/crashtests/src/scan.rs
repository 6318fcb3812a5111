//! What the source says: where the points are, and which writes have none.
//!
//! A function of `store` that the worker calls, or that such a one calls in turn, and that runs a statement which may
//! write, has to have a pair of points. Which statements may write is the catalog's word: they insert, update or delete,
//! or call a function that is not stable.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// A function of the source.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its file, from the root of the tree.
    pub file: String,
    /// Its name.
    pub name: String,
    /// Its text.
    pub body: String,
}

/// The root of this tree.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every function of the sources of a crate.
///
/// # Panics
/// When the sources cannot be read.
#[must_use]
pub fn functions(krate: &str) -> Vec<Function> {
    let head = expression(r"(?m)^\s*(?:pub(?:\([a-z]+\))?\s+)?(?:const\s+)?(?:async\s+)?fn\s+(\w+)");
    let mut found = Vec::new();
    for path in sources(&root().join("crates").join(krate).join("src")) {
        let text = fs::read_to_string(&path).unwrap_or_else(|cause| panic!("`{}`: {cause}", path.display()));
        let file = path.strip_prefix(root()).unwrap_or(&path).display().to_string();
        for captured in head.captures_iter(&text) {
            let (begin, name) = (captured.get(0).map_or(0, |m| m.start()), captured.get(1).map_or("", |m| m.as_str()));
            found.push(Function { file: file.clone(), name: name.to_owned(), body: whole(&text[begin..]).to_owned() });
        }
    }
    found
}

/// The bases of the names of all points of a crate: `store.settle_effects`.
///
/// # Panics
/// When the sources cannot be read.
#[must_use]
pub fn points(krate: &str) -> BTreeSet<String> {
    named(&functions(krate).iter().map(|function| function.body.as_str()).collect::<String>())
}

/// What is wrong with the points: names without their pair, and names that two places share.
///
/// # Panics
/// When the sources cannot be read.
#[must_use]
pub fn unpaired(krate: &str) -> Vec<String> {
    let point = expression(r#"point!\(\s*"([^"]*)"\s*\)"#);
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for function in functions(krate) {
        for captured in point.captures_iter(&function.body) {
            let place = format!("{}::{}", function.file, function.name);
            places.entry(captured[1].to_owned()).or_default().push(place);
        }
    }
    let mut wrong = Vec::new();
    for (name, at) in &places {
        let other = match name.rsplit_once(':') {
            Some((base, "before")) => format!("{base}:after"),
            Some((base, "after")) => format!("{base}:before"),
            _ => String::new(),
        };
        if places.get(&other) != Some(at) {
            wrong.push(format!("`{name}` in {at:?} has no partner there"));
        }
        if at.len() > 1 {
            wrong.push(format!("`{name}` names {} places: {at:?}", at.len()));
        }
    }
    wrong
}

/// Functions of `store` that the worker reaches, that may write, and that have no point, each with what it runs.
/// `writes` says of a statement's text whether it may.
///
/// # Panics
/// When the sources cannot be read.
#[must_use]
pub fn unguarded(writes: impl Fn(&str) -> bool) -> Vec<String> {
    let query = expression(r#"include_str!\("[./]*queries/(\w+\.sql)"\)"#);
    let mut found = Vec::new();
    for function in reached() {
        let run = query.captures_iter(&function.body).map(|captured| captured[1].to_owned());
        let written: Vec<String> = run
            .filter(|name| {
                let path = root().join("crates/store/queries").join(name);
                let text = fs::read_to_string(&path).unwrap_or_else(|cause| panic!("`{}`: {cause}", path.display()));
                writes(&text)
            })
            .collect();
        if !written.is_empty() && named(&function.body).is_empty() && !callers_have_points(&function) && !hands_on(&function) {
            found.push(format!("{}::{} runs {}", function.file, function.name, written.join(", ")));
        }
    }
    found
}

/// Functions of `store` that the worker calls, and those that they call.
#[must_use]
pub fn reached() -> Vec<Function> {
    let store = functions("store");
    let called = expression(r"\b(\w+)(?:::<[^>]*>)?\(");
    let calls = |text: &str| -> BTreeSet<String> { called.captures_iter(text).map(|captured| captured[1].to_owned()).collect() };
    // What the worker names of the store: `effects::claim(…)`, `inbox::receive_item(…)`.
    let qualified = expression(r"\b(\w+)::(\w+)\(");
    let worker = functions("worker");
    let mut open: Vec<Function> = Vec::new();
    for function in &worker {
        for captured in qualified.captures_iter(&function.body) {
            let (module, name) = (&captured[1], &captured[2]);
            let of = |one: &&Function| one.name == *name && one.file.split(['/', '.']).any(|part| part == module);
            // The worker has modules of the same names; which is meant, the file says at its head.
            if imports(&function.file, module) {
                open.extend(store.iter().filter(of).cloned());
            }
        }
    }
    let mut seen: BTreeMap<(String, String), Function> = BTreeMap::new();
    while let Some(function) = open.pop() {
        let key = (function.file.clone(), function.name.clone());
        if seen.contains_key(&key) {
            continue;
        }
        let folder = |file: &str| file.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let called = calls(&function.body);
        // Of the same file, else of the same module: names are not followed further, since every module says its own.
        let near = |one: &&Function| called.contains(&one.name) && folder(&one.file) == folder(&function.file);
        open.extend(store.iter().filter(near).cloned());
        seen.insert(key, function);
    }
    seen.into_values().collect()
}

/// Whether a file of the worker takes a module from the store.
fn imports(file: &str, module: &str) -> bool {
    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
    expression(&format!(r"use statehouse_store::[^;]*\b{module}\b")).is_match(&text)
}

/// Whether a helper of a file is called by functions with points alone.
fn callers_have_points(function: &Function) -> bool {
    let call = format!("{}(", function.name);
    let callers: Vec<Function> = functions("store")
        .into_iter()
        .filter(|one| one.file == function.file && one.name != function.name && one.body.contains(&call))
        .collect();
    !callers.is_empty() && callers.iter().all(|caller| !named(&caller.body).is_empty())
}

/// Whether a function hands its statement to one of its file that has points.
fn hands_on(function: &Function) -> bool {
    functions("store")
        .iter()
        .filter(|one| one.file == function.file && one.name != function.name && !named(&one.body).is_empty())
        .filter_map(|one| function.body.split_once(&format!("{}(", one.name)))
        .any(|(_, given)| given.split(';').next().is_some_and(|given| given.contains("include_str!")))
}

fn named(text: &str) -> BTreeSet<String> {
    let point = expression(r#"point!\(\s*"([^":]*):\w+"\s*\)"#);
    point.captures_iter(text).map(|captured| captured[1].to_owned()).collect()
}

/// A function from its head to the brace that ends it. Braces in texts come in pairs in this tree.
fn whole(text: &str) -> &str {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return &text[..=at],
            b'}' => depth -= 1,
            b';' if depth == 0 => return &text[..=at],
            _ => {}
        }
    }
    text
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn expression(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|cause| panic!("`{pattern}` is no pattern: {cause}"))
}
