//! What a reader asks for.

use axum::http::HeaderMap;
use statehouse_definition::model::{App, See};
use statehouse_fault::{SH6010, SH6202, SH6205};
use statehouse_store::feed::Start;

use crate::Problem;

/// What a reader asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Names of entities, each once; all the role sees where none is named.
    pub entities: Vec<String>,
    /// From where.
    pub start: Start,
}

impl Wanted {
    /// `entity=order,client&after=now|begin|CURSOR`; the header `last-event-id` of a reader who comes back wins.
    pub fn read(query: &str, headers: &HeaderMap, app: &App, role: &str) -> Result<Wanted, Problem> {
        let (mut entities, mut start) = (Vec::new(), Start::Now);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "entity" => entities = named(&value.replace("%2C", ",").replace("%2c", ","), app, role)?,
                "after" => start = place(value)?,
                other => {
                    return Err(
                        Problem::new(SH6010, format!("`{other}` is no parameter of the feed")).with_help("use `entity` and `after`")
                    );
                }
            }
        }
        if let Some(last) = headers.get("last-event-id") {
            start = place(last.to_str().unwrap_or("?"))?;
        }
        if entities.is_empty() {
            entities = app.entities.keys().filter(|entity| sees(app, role, entity)).cloned().collect();
        }
        Ok(Wanted { entities, start })
    }
}

fn place(text: &str) -> Result<Start, Problem> {
    match text {
        "now" => Ok(Start::Now),
        "begin" => Ok(Start::Begin),
        cursor => cursor.parse().map(Start::After).map_err(|_| Problem::new(SH6202, "the cursor is not of this feed")),
    }
}

/// One that is not there and one whose records the role never sees are refused alike.
fn named(list: &str, app: &App, role: &str) -> Result<Vec<String>, Problem> {
    let mut entities: Vec<String> = Vec::new();
    for name in list.split(',') {
        let Some((name, _)) = app.entities.get_key_value(name).filter(|(name, _)| sees(app, role, name)) else {
            let shown: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(40).collect();
            return Err(Problem::new(SH6205, format!("there is no `{shown}` whose records you see")));
        };
        if !entities.contains(name) {
            entities.push(name.clone());
        }
    }
    Ok(entities)
}

/// The role has a history view of the entity.
pub(super) fn sees(app: &App, role: &str, entity: &str) -> bool {
    let access = app.entities.get(entity).and_then(|entity| entity.access.get(role));
    access.is_some_and(|access| !access.capability && !matches!(access.see, See::Nothing))
}
