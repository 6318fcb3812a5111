//! What a document must be whatever the app, and what it must not tell.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use statehouse_definition::App;

use super::{Viewer, of_nobody, of_viewer};

const METHODS: [&str; 6] = ["get", "post", "patch", "put", "delete", "head"];

fn orders() -> App {
    let loaded = statehouse_definition::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/orders"));
    loaded.app.unwrap_or_else(|| panic!("{:#?}", loaded.findings))
}

fn of_role(app: &App, role: &str) -> Value {
    of_viewer(&Viewer::of_role(app, role).unwrap_or_else(|| panic!("no role `{role}`")), "", "http://127.0.0.1")
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS.iter().filter_map(move |method| item.get(method).map(|operation| (path.as_str(), *method, operation)))
    })
}

/// Every text and every key of a value.
fn words<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::String(text) => {
            found.insert(text);
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        Value::Object(map) => map.iter().for_each(|(key, item)| {
            found.insert(key);
            words(item, found);
        }),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_name_is_unique() {
    let app = orders();
    for role in app.roles.keys() {
        let document = of_role(&app, role);
        let mut found = BTreeSet::new();
        words(&document, &mut found);
        for reference in found.iter().filter_map(|word| word.strip_prefix('#')).filter(|word| word.starts_with("/components/")) {
            assert!(document.pointer(reference).is_some(), "`{reference}` leads nowhere for `{role}`");
        }
        let names: Vec<&str> = operations(&document).filter_map(|(.., operation)| operation["operationId"].as_str()).collect();
        assert_eq!(names.len(), operations(&document).count());
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric())), "{names:?}");
    }
}

#[test]
fn every_parameter_of_a_path_is_told() {
    let app = orders();
    let document = of_role(&app, "admin");
    for (path, method, operation) in operations(&document) {
        let parameters = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let told: BTreeSet<&str> = parameters
            .iter()
            .map(|one| one["$ref"].as_str().and_then(|reference| document.pointer(&reference[1..])).unwrap_or(one))
            .filter(|one| one["in"] == "path")
            .filter_map(|one| one["name"].as_str())
            .collect();
        let written: BTreeSet<&str> = path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        assert_eq!(told, written, "{method} {path}");
    }
}

#[test]
fn whoever_must_say_who_they_are_is_told_what_happens_if_not() {
    let app = orders();
    for (path, method, operation) in operations(&of_role(&app, "admin")) {
        let open = operation["security"] == serde_json::json!([]);
        let responses = &operation["responses"];
        assert!(open || responses.get("401").is_some(), "{method} {path} has no 401");
        assert!(
            responses.as_object().is_some_and(|all| all.keys().any(|status| status.starts_with(['2', '3']))),
            "{method} {path} never succeeds"
        );
        assert!(responses.get("503").is_some() && responses.get("500").is_some(), "{method} {path} never fails");
    }
}

#[test]
fn a_document_has_no_word_of_what_its_role_may_not_know() {
    let app = orders();
    let document = of_role(&app, "client");
    let mut found = BTreeSet::new();
    words(&document, &mut found);
    for hidden in ["rep", "commission", "note", "cost", "cost_eur", "credit_limit", "settlement", "OrderFireConfirm", "OrderFireQuote"] {
        assert!(!found.contains(hidden), "`{hidden}` stands in the client's document");
    }
    for path in ["/v1/settlement", "/v1/order/{id}/transitions/confirm", "/v1/order/{id}/transitions/hand_over"] {
        assert!(document["paths"].get(path).is_none(), "{path}");
    }
    for path in ["/v1/order/{id}/transitions/accept", "/v1/order/{id}/transitions/deliver"] {
        assert!(document["paths"][path].get("post").is_some(), "{path}");
    }
    assert!(document["paths"]["/v1/order"].get("post").is_none(), "a client makes no orders");
}

#[test]
fn a_capability_opens_its_verbs() {
    let app = orders();
    let paths = |viewer: &Viewer<'_>| of_viewer(viewer, "", "/")["paths"].clone();
    let hand_over = "/v1/settlement/{id}/transitions/settle";
    let Some(admin) = Viewer::of_role(&app, "admin") else { panic!("no admin") };
    assert!(paths(&admin).get(hand_over).is_some());
    let revoked = admin.with_capabilities(["order.reassign"]);
    assert!(paths(&revoked).get(hand_over).is_none());
    let Some(rep) = Viewer::of_role(&app, "rep") else { panic!("no rep") };
    assert!(paths(&rep).get(hand_over).is_none());
    assert!(paths(&rep.with_capabilities(["commission.settle"])).get(hand_over).is_some());
}

#[test]
fn nobody_is_told_of_no_entity_and_no_role() {
    let app = orders();
    let document = of_nobody(&app, "", "/").to_string();
    let own = app.entities.keys().chain(app.roles.keys()).chain(app.capabilities.keys()).chain(app.tables.keys());
    for name in own {
        assert!(!document.contains(&format!("\"{name}\"")) && !document.contains(&format!("/{name}")), "`{name}` is told to nobody");
    }
}

#[test]
fn what_the_engine_keeps_can_be_written_by_nobody() {
    let app = orders();
    for role in app.roles.keys() {
        let document = of_role(&app, role);
        let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
        // Who manages members gives them roles; that is no record's.
        let schemas = schemas.filter(|(name, _)| !name.starts_with("Member"));
        for (name, schema) in schemas.filter(|(name, _)| name.ends_with("Create") || name.ends_with("Edit") || name.ends_with("Input")) {
            assert_eq!(schema["additionalProperties"], false, "{name} takes anything");
            for kept in [
                "id",
                "tenant",
                "state",
                "version",
                "reference",
                "entered_at",
                "role",
                "head",
                "fire",
                "input",
                "key",
                "net",
                "gross",
                "commission",
            ] {
                assert!(schema["properties"].get(kept).is_none(), "{name} of `{role}` takes `{kept}`");
            }
        }
    }
}

#[test]
fn texts_are_in_the_language_asked_for() {
    let app = orders();
    let Some(rep) = Viewer::of_role(&app, "rep") else { panic!("no rep") };
    let polish = of_viewer(&rep, "pl", "/");
    assert_eq!(polish["info"]["title"], "Zamówienia");
    assert_eq!(polish["paths"]["/v1/order/{id}/transitions/quote"]["post"]["summary"], "Wyślij ofertę");
    assert_eq!(of_viewer(&rep, "fi", "/"), of_viewer(&rep, "en", "/"), "a language that is not spoken is the app's first");
}

#[test]
fn a_document_is_the_same_every_time() {
    let app = orders();
    assert_eq!(of_role(&app, "ops").to_string(), of_role(&orders(), "ops").to_string());
}

#[test]
fn codes_that_are_told_exist() {
    use super::problem::Meets;
    for family in [Meets::Any, Meets::Somebody, Meets::Body, Meets::Values, Meets::Move, Meets::Key] {
        for code in family.codes() {
            assert!(statehouse_fault::Code::find(code).is_some(), "{code}");
        }
    }
}
