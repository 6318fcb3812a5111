//! Files: how one is uploaded, and where those of records are fetched.

use serde_json::{Value, json};
use statehouse_definition::model::{Field, FieldKind};

use super::components::camel;
use super::document::Document;
use super::parameters::{id, if_none_match, in_path};
use super::sight::Sight;
use super::{Operation, headers};

const TAG: &str = "files";

/// The paths of uploads.
pub fn uploads(document: &mut Document<'_>) {
    document.tag(TAG, "Files on their way in");
    let upload = upload(document);
    let what = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "media_type", "size"],
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 255, "description": "without a path" },
            "media_type": {
                "description": "in lower case, without parameters",
                "anyOf": [{ "enum": ["application/octet-stream"] }, { "type": "string", "pattern": "^[a-z0-9][a-z0-9.+-]{0,62}/[a-z0-9][a-z0-9.+-]{0,62}$" }],
            },
            "size": { "type": "integer", "minimum": 1, "description": "bytes" },
        },
    });
    let what = document.components.schema("UploadBegin", what);
    let begin = Operation::new("uploadBegin", TAG, "Announce a file; it is the caller's own, and open for a day")
        .body(what, true)
        .answers_with(201, "the upload", upload.clone(), &[("Location", headers::text("where it is")), ("Upload-Offset", offset())])
        .may(&["SH6105", "SH6106", "SH6107", "SH6506"]);
    document.add("post", "/v1/uploads", begin);

    let this = upload_id(document);
    let stands = Operation::new("uploadStands", TAG, "Where an upload stands: how many bytes are here")
        .takes(this.clone())
        .answers_with(200, "the upload", upload, &[("Upload-Offset", offset()), ("Upload-Length", length())])
        .may(&["SH6101"]);
    document.add("get", "/v1/uploads/{id}", stands);
    let from = headers::asked(
        "Upload-Offset",
        "where the upload stands: the byte at which the body begins",
        true,
        json!({ "type": "integer", "minimum": 0 }),
    );
    let append = Operation::new("uploadAppend", TAG, "Go on with an upload")
        .told("The body may end anywhere from 64 KiB on, and where the connection breaks every whole chunk of 256 KiB that came is kept: ask where the upload stands and go on from there. The same bytes again are harmless.")
        .takes(this.clone())
        .takes(from)
        .bytes("application/octet-stream")
        .answers_as(204, "they are here", None, &[("Upload-Offset", offset())])
        .may(&["SH6001", "SH6003", "SH6004", "SH6101", "SH6102", "SH6104"]);
    document.add("patch", "/v1/uploads/{id}", append);
    let abandon = Operation::new("uploadAbandon", TAG, "Give an upload up")
        .takes(this.clone())
        .answers_as(204, "it is gone", None, &[])
        .may(&["SH6101"]);
    document.add("delete", "/v1/uploads/{id}", abandon);

    let digest = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": { "sha256": { "type": ["string", "null"], "pattern": "^[0-9a-f]{64}$", "description": "of the whole file; then every byte that arrived is compared" } },
    });
    let digest = document.components.schema("UploadFinish", digest);
    let finish = Operation::new("uploadFinish", TAG, "Make a whole upload a file: its `hash` may be given to a file field for a day")
        .takes(this)
        .body(digest, false)
        .answers(200, "the file", uploaded())
        .may(&["SH6101", "SH6103", "SH6110"]);
    document.add("post", "/v1/uploads/{id}/finish", finish);
}

/// Where the files of an entity's records, and of the rows they own, are fetched.
pub fn of_entity(document: &mut Document<'_>, sight: &Sight<'_>) {
    let entity = sight.entity.name.clone();
    let own = held(sight.fields());
    if !own.is_empty() {
        let record = id(document);
        let fetch = fetch(document, &[&entity], &own).takes(record);
        document.add("get", &format!("/v1/{entity}/{{id}}/files/{{field}}"), fetch);
    }
    for (name, child) in sight.children() {
        let fields = held(sight.child_fields(name, child));
        if fields.is_empty() {
            continue;
        }
        let record = id(document);
        let row = in_path(document, "child_id", "id of the row", json!({ "type": "string", "format": "uuid" }));
        let fetch = fetch(document, &[&entity, name], &fields).takes(record).takes(row);
        document.add("get", &format!("/v1/{entity}/{{id}}/{name}/{{child_id}}/files/{{field}}"), fetch);
    }
}

fn held<'a>(fields: impl Iterator<Item = (&'a str, &'a Field)>) -> Vec<&'a str> {
    fields.filter(|(_, field)| field.kind == FieldKind::File).map(|(name, _)| name).collect()
}

fn fetch(document: &mut Document<'_>, of: &[&str], fields: &[&str]) -> Operation {
    let field = json!({ "name": "field", "in": "path", "required": true, "description": "which file", "schema": { "type": "string", "enum": fields } });
    let range = headers::asked("Range", "one range of bytes", false, json!({ "type": "string" }));
    let bytes = || Some(("*/*", json!({ "type": "string", "format": "binary" })));
    let tag = || ("ETag", json!({ "description": "the `hash`, quoted", "schema": { "type": "string" } }));
    let accepts = || ("Accept-Ranges", headers::text("`bytes`"));
    Operation::new(camel(&[of, &["file"]].concat()), of[0], format!("{}: a file", of.join(" ")))
        .takes(field)
        .takes(if_none_match(document))
        .takes(range)
        .answers_as(200, "the file", bytes(), &[tag(), accepts()])
        .answers_as(206, "a part of it", bytes(), &[tag(), accepts(), ("Content-Range", headers::text("which part"))])
        .answers_as(304, "as it was", None, &[tag()])
        .may(&["SH1002", "SH6109"])
}

fn upload(document: &mut Document<'_>) -> Value {
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["id", "offset", "size", "url"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "offset": { "type": "integer", "minimum": 0, "description": "bytes that are here" },
            "size": { "type": "integer", "minimum": 1, "description": "bytes that were announced" },
            "url": { "type": "string", "format": "uri-reference" },
        },
    });
    document.components.schema("Upload", schema)
}

fn uploaded() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["hash", "size", "media_type", "name"],
        "properties": {
            "hash": { "type": "string", "pattern": "^[0-9a-f]{64}$" },
            "size": { "type": "integer", "minimum": 1 },
            "media_type": { "type": "string" },
            "name": { "type": "string" },
        },
    })
}

fn upload_id(document: &mut Document<'_>) -> Value {
    let parameter = json!({ "name": "id", "in": "path", "required": true, "description": "id of the upload", "schema": { "type": "string", "format": "uuid" } });
    document.components.parameter("upload", parameter)
}

fn offset() -> Value {
    json!({ "description": "bytes that are here", "schema": { "type": "integer", "minimum": 0 } })
}

fn length() -> Value {
    json!({ "description": "bytes that were announced", "schema": { "type": "integer", "minimum": 1 } })
}
