//! Every route the server has stands in a document, and every operation of a document is a route the server has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use statehouse_testkit::people::{NORDUR, Persona};

use super::people::{Ask, Crawler};
use super::{Everybody, world};

/// Templates as the sources of the crate write them: `.route("/v1/{entity}", …)`.
fn written() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    found
}

fn read(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the sources").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            read(&entry, found);
        } else if entry.extension().is_some_and(|ext| ext == "rs") && !entry.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&entry).expect("a source");
            assert!(!text.contains(".nest("), "{} nests routes, which this test does not follow", entry.display());
            for rest in text.split(".route(").skip(1) {
                let literal = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
                let (path, _) = literal.unwrap_or_else(|| panic!("{} has a route that is no literal: {:.60}", entry.display(), rest));
                found.insert(path.to_owned());
            }
        }
    }
}

/// The template a path of a document belongs to: the one with the most literal segments.
fn template<'t>(path: &str, templates: &'t BTreeSet<String>) -> Option<&'t str> {
    let fits = |template: &&String| {
        let (mut ours, mut theirs) = (path.split('/'), template.split('/'));
        ours.by_ref().zip(theirs.by_ref()).all(|(our, their)| our == their || is_hole(their) && (is_hole(our) || !our.is_empty()))
            && path.split('/').count() == template.split('/').count()
    };
    let literal = |template: &&String| template.split('/').filter(|segment| !is_hole(segment)).count();
    templates.iter().filter(fits).max_by_key(literal).map(String::as_str)
}

fn is_hole(segment: &str) -> bool {
    segment.starts_with('{')
}

/// The methods the server takes at a path, as its 405 tells.
async fn taken(crawler: &Crawler, path: &str) -> BTreeSet<String> {
    let filled: Vec<&str> = path.split('/').map(|segment| if is_hole(segment) { "x" } else { segment }).collect();
    let ask = Ask { method: "propfind".into(), path: filled.join("/"), ..Ask::default() };
    let answer = crawler.send(&ask).await;
    assert_eq!(answer.status, 405, "{path}: {}", answer.text);
    answer.header("allow").split(',').map(|method| method.trim().to_lowercase()).filter(|method| !method.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_in_a_document_and_every_operation_is_a_route() {
    let world = world().await;
    let everybody = Everybody::enter(&world).await;
    let mut without_key = Persona::member("orders", NORDUR, "client");
    without_key.key = None;
    let nobody = Crawler::over(world.url(""), without_key).await;
    let templates = written();
    assert!(templates.len() > 5, "the routes are found: {templates:?}");

    let mut told: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for crawler in everybody.nordur.values().chain([&nobody]) {
        for operation in crawler.document.operations() {
            let Some(template) = template(operation.path, &templates) else {
                wrong.push(format!("{} is no route", operation.name()));
                continue;
            };
            told.entry(template).or_default().insert(operation.method.to_owned());
            paths.insert(template, operation.path.to_owned());
        }
    }
    let crawler = &everybody.nordur["admin"];
    for template in &templates {
        let path = paths.get(template.as_str()).unwrap_or(template);
        let mut taken = taken(crawler, path).await;
        let told = told.get(template.as_str()).cloned().unwrap_or_default();
        // The server answers HEAD wherever it answers GET.
        if taken.contains("get") && !told.contains("head") {
            taken.remove("head");
        }
        for method in taken.difference(&told) {
            wrong.push(format!("{method} {template} is in no document"));
        }
        for method in told.difference(&taken) {
            wrong.push(format!("{method} {template} is told and is no route"));
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
