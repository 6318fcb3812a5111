//! Signing in and out.

use serde_json::json;

use super::super::components::{all, closed};
use super::super::document::Document;
use super::super::problem::Meets;
use super::super::{Operation, headers, parameters};
use super::people;

const TAG: &str = "session";

/// What somebody may do with sessions of their own.
pub fn write(document: &mut Document<'_>) {
    let me = people::me(document);
    document.add("get", "/v1/session", Operation::new("session", TAG, "The session in hand").answers(200, "who asks", me.clone()));
    let leave = Operation::new("sessionEnd", TAG, "Sign out").answers_as(204, "signed out", None, &[]).ends_caller();
    document.add("delete", "/v1/session", leave);
    let body = closed(json!({ "tenant": { "type": "string", "minLength": 1, "description": "its slug" } }), &[]);
    let body = document.components.schema("SessionSwitch", body);
    let switch = Operation::new("sessionSwitch", TAG, "Go to another tenant of one's own; only for a person who signed in")
        .body(body, true)
        .answers_with(201, "who asks now", me, &[("Set-Cookie", headers::text("the session"))])
        .may(&["SH2004", "SH6509", "SH6510"])
        .meets(Meets::Values);
    document.add("post", "/v1/session/tenant", switch);
    let time = json!({ "type": "string", "format": "date-time" });
    let session = closed(
        json!({
            "id": { "type": "integer" }, "role": { "type": "string" }, "opened_by": { "type": ["string", "null"] },
            "created_at": time, "expires": time, "current": { "type": "boolean" },
        }),
        &[],
    );
    let session = document.components.schema("Session", session);
    document.add(
        "get",
        "/v1/session/all",
        Operation::new("sessionList", TAG, "One's own sessions").answers(200, "sessions", all(&session)),
    );
    let end = Operation::new("sessionEndOne", TAG, "End one of one's own sessions")
        .takes(parameters::id(document))
        .answers_as(204, "it is ended", None, &[])
        .may(&["SH1002"])
        .ends_caller();
    document.add("delete", "/v1/session/{id}", end);
}

/// What anybody may do to sign in.
pub fn open(document: &mut Document<'_>) {
    document.tag(TAG, "Signing in and out");
    let me = people::me(document);
    let body = closed(json!({ "api_key": { "type": "string", "minLength": 1 } }), &[]);
    let body = document.components.schema("SessionCreate", body);
    let sign_in = Operation::open("sessionCreate", TAG, "Sign in with an API key, for a cookie")
        .body(body, true)
        .answers_with(201, "who asks", me, &[("Set-Cookie", headers::text("the session"))])
        .may(&["SH2003", "SH2004", "SH2011"]);
    document.add("post", "/v1/session", sign_in);
    let body = closed(json!({ "email": { "type": "string" }, "tenant": { "type": ["string", "null"] } }), &["tenant"]);
    let body = document.components.schema("SessionMail", body);
    let mail = Operation::open("sessionMail", TAG, "Ask for a sign-in link; the answer is the same for every address")
        .body(body, true)
        .answers(202, "taken", closed(json!({ "message": { "type": "string" } }), &[]))
        .may(&["SH6504"]);
    document.add("post", "/v1/session/mail", mail);
    let token = parameters::in_path(document, "token", "from the mail", json!({ "type": "string", "minLength": 1 }));
    let html = || Some(("text/html", json!({ "type": "string" })));
    let look = Operation::page("signInPage", TAG, "The page a sign-in link opens: a button")
        .takes(token.clone())
        .answers_as(200, "a page", html(), &[])
        .may(&["SH6509"]);
    document.add("get", "/sign-in/{token}", look);
    let enter = Operation::page("signIn", TAG, "The button: uses the link up")
        .takes(token)
        .pressed()
        .answers_as(303, "signed in", None, &[("Location", headers::text("where to go")), ("Set-Cookie", headers::text("the session"))])
        .may(&["SH6307", "SH6509", "SH6510", "SH6003"]);
    document.add("post", "/sign-in/{token}", enter);
}
