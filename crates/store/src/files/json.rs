//! A file field as an answer tells it.

use statehouse_definition::expr::{ident, literal};

/// The SQL of a file field in a select list: null, or `{hash, size, media_type, name, url}` as jsonb. `row` is the alias
/// of the persona's view of the entity, or of `child`'s rows.
pub fn json(app: &str, role: &str, entity: &str, child: Option<&str>, row: &str, field: &str) -> String {
    let relation = child.map_or_else(|| entity.to_owned(), |child| format!("{entity}_{child}"));
    let function = format!("{}.{}", ident(&format!("{app}_{role}")), ident(&format!("{relation}_file")));
    let url = match child {
        None => format!("format({}, {row}.id)", literal(&format!("/v1/{entity}/%s/files/{field}"))),
        Some(child) => {
            format!("format({}, {row}.{}, {row}.id)", literal(&format!("/v1/{entity}/%s/{child}/%s/files/{field}")), ident(entity))
        }
    };
    format!(
        "case when {row}.{column} is not null then (select jsonb_build_object('hash', encode(f.hash, 'hex'), 'size', f.size, 'media_type', f.media_type, 'name', f.name, 'url', {url}) from {function}({row}.id, {name}) f) end",
        column = ident(field),
        name = literal(field)
    )
}
