//! Links for somebody without an account, and forms that anybody may fill in.

use serde_json::{Map, Value, json};
use statehouse_definition::model::{Actor, FieldKind, Form};

use super::super::components::{camel, closed, pascal};
use super::super::document::Document;
use super::super::problem::Meets;
use super::super::sight::Viewer;
use super::super::{Operation, headers, parameters, types};

const LINKS: &str = "links";
const FORMS: &str = "forms";

/// Making and ending links, for who may make any.
pub fn write(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    let mine = |actor: &Actor| match actor {
        Actor::Role(role) => role == viewer.role,
        Actor::Capability(key) => viewer.can(key),
        Actor::Kind(_) => false,
    };
    let purposes: Vec<&String> = viewer.app.links.iter().filter(|(_, link)| link.by.iter().any(mine)).map(|(name, _)| name).collect();
    if purposes.is_empty() {
        return;
    }
    let text = || json!({ "type": "string" });
    let time = || json!({ "type": "string", "format": "date-time" });
    let uuid = || json!({ "type": "string", "format": "uuid" });
    let uses = || json!({ "type": ["integer", "null"], "minimum": 1, "maximum": i32::MAX });
    let entities: std::collections::BTreeSet<&String> =
        purposes.iter().filter_map(|purpose| viewer.app.links.get(*purpose)).map(|link| &link.entity).collect();
    let mut record = json!({ "type": "string", "minLength": 1, "description": "id or reference" });
    if let Some(only) = entities.first().filter(|_| entities.len() == 1) {
        record["x-entity"] = json!(only);
    }
    let body = closed(
        json!({
            "purpose": { "type": "string", "enum": purposes }, "record": record, "uses": uses(),
            "lasts_s": { "type": ["integer", "null"], "minimum": 1, "maximum": u32::MAX, "description": "seconds; no longer than the purpose allows" },
        }),
        &["uses", "lasts_s"],
    );
    let body = document.components.schema("LinkCreate", body);
    let made = closed(json!({ "id": uuid(), "url": text(), "token": text(), "expires_at": time() }), &[]);
    let made = document.components.schema("LinkMade", made);
    let make = Operation::new("linkCreate", LINKS, "A link to one record; its token is told this once")
        .body(body, true)
        .meets(Meets::Values)
        .answers_with(201, "the link", made, &[("Location", headers::text("where it is"))])
        .may(&["SH1002", "SH6302", "SH6303", "SH6306"]);
    document.add("post", "/v1/links", make);
    let shown = closed(
        json!({
            "id": uuid(), "purpose": text(), "entity": text(), "record": uuid(), "made_by": uuid(), "created_at": time(), "expires_at": time(),
            "uses": uses(), "used": { "type": "integer", "minimum": 0 }, "revoked_at": types::nullable(time()),
        }),
        &[],
    );
    let shown = document.components.schema("Link", shown);
    let id = parameters::id(document);
    document.add(
        "get",
        "/v1/links/{id}",
        Operation::new("linkGet", LINKS, "A link").takes(id.clone()).answers(200, "the link", shown).may(&["SH1002"]),
    );
    let end =
        Operation::new("linkRevoke", LINKS, "End a link").takes(id).answers_as(204, "it is ended", None, &[]).may(&["SH1002", "SH6303"]);
    document.add("delete", "/v1/links/{id}", end);
}

/// What whoever holds a link, or fills in a form, may do.
pub fn open(document: &mut Document<'_>) {
    let app = document.app;
    let html = || Some(("text/html", json!({ "type": "string" })));
    if !app.links.is_empty() {
        document.tag(LINKS, "Links for somebody without an account");
        let body = closed(json!({ "token": { "type": "string", "minLength": 1 } }), &[]);
        let body = document.components.schema("LinkEnter", body);
        let text = || json!({ "type": "string" });
        let entered = closed(
            json!({
                "purpose": text(), "entity": text(), "record": { "type": "string", "format": "uuid" }, "role": text(),
                "verbs": { "type": "array", "items": text() }, "csrf": text(), "lasts_s": { "type": "integer" },
            }),
            &[],
        );
        let enter = Operation::open("linkEnter", LINKS, "Exchange the token of a link for a cookie session on its record")
            .body(body, true)
            .answers_with(200, "what the link is for", entered, &[("Set-Cookie", headers::text("the session"))])
            .may(&["SH6301", "SH2011"]);
        document.add("post", "/v1/links/enter", enter);
        let token = parameters::in_path(document, "token", "from the link", json!({ "type": "string", "minLength": 1 }));
        let failing = ["SH1002", "SH2011", "SH6001", "SH6003", "SH6004", "SH6301", "SH6307"];
        let show = Operation::page("linkPage", LINKS, "The page of a link")
            .takes(token.clone())
            .answers_as(200, "a page", html(), &[])
            .may(&failing);
        document.add("get", "/l/{token}", show);
        let press = Operation::page("linkPress", LINKS, "A button on the page of a link")
            .takes(token)
            .pressed()
            .answers_as(200, "the page after it", html(), &[])
            .may(&failing)
            .meets(Meets::Move)
            .meets(Meets::Values);
        document.add("post", "/l/{token}", press);
    }
    if !app.forms.is_empty() {
        document.tag(FORMS, "Forms that anybody may fill in");
    }
    for (name, form) in &app.forms {
        one(document, name, form);
    }
}

fn one(document: &mut Document<'_>, name: &str, form: &Form) {
    let label = document.say(&form.label).to_owned();
    let html = || Some(("text/html", json!({ "type": "string" })));
    let tenant = parameters::in_path(document, "tenant", "slug of the tenant", json!({ "type": "string", "minLength": 1 }));
    let body = body(document, form);
    let body = document.components.schema(&pascal(&["form", name]), body);
    let taken = closed(json!({ "accepted": { "const": true }, "message": { "type": "string" } }), &[]);
    let failing = ["SH2011", "SH6001", "SH6002", "SH6003", "SH6004", "SH6020", "SH6304", "SH6305"];
    let send = Operation::open(camel(&["form", name, "send"]), FORMS, format!("{label}: send"))
        .takes(tenant.clone())
        .takes(parameters::idempotency_key(document))
        .body(body, true)
        .meets(Meets::Values)
        .answers(202, "taken", taken)
        .may(&failing);
    document.add("post", &format!("/v1/forms/{{tenant}}/{name}"), send);
    let path = format!("/f/{{tenant}}/{name}");
    let page = Operation::page(camel(&["form", name, "page"]), FORMS, label.clone())
        .takes(tenant.clone())
        .answers_as(200, "a page", html(), &[])
        .may(&failing);
    document.add("get", &path, page);
    let press = Operation::page(camel(&["form", name, "press"]), FORMS, format!("{label}: the button"))
        .takes(tenant)
        .pressed()
        .answers_as(200, "the page after it", html(), &[])
        .answers_as(202, "taken", html(), &[])
        .meets(Meets::Values)
        .may(&failing);
    document.add("post", &path, press);
}

fn body(document: &Document<'_>, form: &Form) -> Value {
    let mut properties = Map::new();
    let mut optional = Vec::new();
    let fields = document.app.entities.get(&form.entity).map(|entity| &entity.fields);
    for name in &form.fields {
        let Some(field) = fields.and_then(|fields| fields.get(name)) else { continue };
        let must = field.required && field.default.is_none();
        let mut schema = match &field.kind {
            // What a browser's form sends is text.
            FieldKind::Text => json!({ "type": "string" }),
            kind => types::incoming(kind),
        };
        if must && field.kind == FieldKind::Text {
            schema["minLength"] = 1.into();
        }
        properties.insert(name.clone(), if must { schema } else { types::nullable(schema) });
        if !must {
            optional.push(name.as_str());
        }
    }
    closed(properties.into(), &optional)
}
