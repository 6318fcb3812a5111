//! Who asks, members, keys, the tenant, rule tables.

use serde_json::{Value, json};
use statehouse_definition::model::Through;

use super::super::components::closed;
use super::super::document::Document;
use super::super::parameters::cursor_page;
use super::super::problem::Meets;
use super::super::query::asked;
use super::super::sight::Viewer;
use super::super::{Operation, headers, parameters, types};

const TAG: &str = "people";

/// What this viewer may ask of people and keys.
pub fn write(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    document.tag(TAG, "Members, keys, the tenant");
    let me = me(document);
    document.add("get", "/v1/me", Operation::new("me", TAG, "Who asks").answers(200, "who asks", me));
    keys(document);
    if viewer.can("members.manage") {
        members(document);
    }
    tenant(document, viewer);
}

/// Who asks.
pub fn me(document: &mut Document<'_>) -> Value {
    let text = || json!({ "type": "string" });
    let person = closed(json!({ "id": uuid(), "name": text(), "email": maybe() }), &[]);
    let membership = closed(json!({ "tenant": text(), "name": text(), "app": text(), "role": text() }), &[]);
    let schema = closed(
        json!({
            "member": { "anyOf": [person, { "type": "null" }] },
            "tenant": closed(json!({ "slug": text(), "name": text(), "market": maybe() }), &[]),
            "app": text(), "role": text(), "kind": text(),
            "session": { "type": "integer" },
            "capabilities": { "type": "array", "items": text() },
            "memberships": { "type": "array", "items": membership },
            "csrf": { "type": "string", "description": "goes as `X-CSRF-Token` with every write of a cookie session" },
        }),
        &["csrf"],
    );
    document.components.schema("Me", schema)
}

/// Where the page before ended, and how many are wanted, for lists of this folder.
fn paged(operation: Operation) -> Operation {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 });
    operation.takes(asked("limit", "how many, at most", limit)).takes(asked("after", "`next` of the page before", uuid())).may(&["SH6010"])
}

fn keys(document: &mut Document<'_>) {
    let key = json!({
        "id": uuid(), "label": { "type": ["string", "null"] }, "member": uuid(), "name": { "type": "string" },
        "created_at": time(), "used_at": types::nullable(time()), "expires": types::nullable(time()), "revoked_at": types::nullable(time()),
    });
    let listed = document.components.schema("Key", closed(key.clone(), &[]));
    let mut told = key;
    told["key"] = json!({ "type": "string", "description": "told this once" });
    let made = document.components.schema("KeyMade", closed(told, &[]));
    let page = cursor_page(document, &["key"], listed, false);
    let list = Operation::new("keyList", TAG, "One's own keys; with `keys.manage` those of the tenant").answers(200, "keys", page);
    document.add("get", "/v1/keys", paged(list));
    let body = closed(
        json!({
            "label": { "type": "string", "minLength": 1, "maxLength": 100 },
            "expires": types::nullable(time()),
            "member": { "type": ["string", "null"], "format": "uuid", "x-entity": "member", "description": "whose; one's own where left out" },
        }),
        &["expires", "member"],
    );
    let body = document.components.schema("KeyCreate", body);
    let make = Operation::new("keyCreate", TAG, "A new key, told this once")
        .body(body, true)
        .meets(Meets::Values)
        .answers_with(201, "the key", made, &[("Location", headers::text("where it is"))])
        .may(&["SH1002", "SH6501", "SH6505", "SH6506"]);
    document.add("post", "/v1/keys", make);
    let id = parameters::id(document);
    let revoke = Operation::new("keyRevoke", TAG, "End a key and its sessions")
        .takes(id)
        .answers_as(204, "it is ended", None, &[])
        .may(&["SH1002", "SH6501", "SH6505"])
        .ends_caller();
    document.add("delete", "/v1/keys/{id}", revoke);
}

fn members(document: &mut Document<'_>) {
    let app = document.app;
    let roles: Vec<&String> = app.roles.iter().filter(|(_, role)| role.by == Through::Membership).map(|(name, _)| name).collect();
    let held = || json!({ "type": "array", "items": { "type": "string" }, "maxItems": 100 });
    let person = closed(
        json!({
            "id": uuid(), "name": { "type": "string" }, "email": maybe(), "role": { "type": "string" },
            "extra": held(), "revoked": held(), "capabilities": held(),
        }),
        &[],
    );
    let person = document.components.schema("Member", person);
    let page = cursor_page(document, &["member"], person.clone(), false);
    let list = Operation::new("memberList", TAG, "Members").answers(200, "members", page).may(&["SH6505"]);
    document.add("get", "/v1/members", paged(list));
    let role = || json!({ "type": "string", "enum": roles });
    let body = closed(
        json!({
            "email": { "type": "string", "pattern": "^[^@\\s]+@[^@\\s]+$", "maxLength": 254 },
            "name": { "type": "string", "minLength": 1, "maxLength": 200 },
            "role": role(), "extra": held(), "revoked": held(),
        }),
        &["extra", "revoked"],
    );
    let body = document.components.schema("MemberCreate", body);
    let refusals = ["SH1002", "SH6501", "SH6502", "SH6503", "SH6505", "SH6506", "SH6507", "SH6508"];
    let invite = Operation::new("memberInvite", TAG, "Make somebody a member")
        .body(body, true)
        .meets(Meets::Values)
        .answers_with(201, "the member", person.clone(), &[("Location", headers::text("where it is"))])
        .may(&refusals);
    document.add("post", "/v1/members", invite);
    let change = closed(
        json!({ "role": types::nullable(role()), "extra": types::nullable(held()), "revoked": types::nullable(held()) }),
        &["role", "extra", "revoked"],
    );
    let change = document.components.schema("MemberEdit", change);
    let id = parameters::id(document);
    let edit = Operation::new("memberEdit", TAG, "Change the role or the capabilities of another member")
        .takes(id.clone())
        .body(change, true)
        .meets(Meets::Values)
        .answers(200, "the member", person)
        .may(&refusals)
        .ends_caller();
    document.add("patch", "/v1/members/{id}", edit);
    let dismiss = Operation::new("memberDismiss", TAG, "End a membership, with its keys and sessions")
        .takes(id)
        .answers_as(204, "it is ended", None, &[])
        .may(&refusals)
        .ends_caller();
    document.add("delete", "/v1/members/{id}", dismiss);
}

fn tenant(document: &mut Document<'_>, viewer: &Viewer<'_>) {
    let counts = || json!({ "type": "object", "additionalProperties": { "type": ["integer", "null"] } });
    let schema = closed(
        json!({ "slug": { "type": "string" }, "name": { "type": "string" }, "market": maybe(), "limits": counts(), "usage": counts() }),
        &["limits", "usage"],
    );
    let schema = document.components.schema("Tenant", schema);
    let own =
        Operation::new("tenant", TAG, "The tenant; its limits for those who manage members").answers(200, "the tenant", schema.clone());
    document.add("get", "/v1/tenant", own);
    if viewer.can("members.manage") {
        let body = closed(json!({ "name": { "type": "string", "minLength": 1, "maxLength": 200 } }), &[]);
        let body = document.components.schema("TenantEdit", body);
        let rename = Operation::new("tenantEdit", TAG, "Give the tenant another name")
            .body(body, true)
            .meets(Meets::Values)
            .answers(200, "the tenant", schema)
            .may(&["SH6505"]);
        document.add("patch", "/v1/tenant", rename);
    }
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn maybe() -> Value {
    json!({ "type": ["string", "null"] })
}
