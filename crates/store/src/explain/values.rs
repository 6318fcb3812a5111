//! The values a guard looks at, as far as the member sees them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use statehouse_definition::expr::{self, Place, Purpose, Uses};
use statehouse_definition::model::{App, Entity, Guard};
use tokio_postgres::Transaction;
use uuid::Uuid;

use crate::StoreFault;

/// What the engine adds to views for asking, not for reading.
const NOT_VALUES: &str = "'{fire,input,key,seen_by}'::text[]";
/// Rows of a child shown in a line.
const SHOWN_MAX: usize = 5;

/// A record through its persona's view.
pub(super) struct Seen<'a> {
    pub app: &'a App,
    pub entity: &'a Entity,
    pub role: &'a str,
    pub row: Map<String, Value>,
}

/// The row of a view, if the member sees it.
pub(super) async fn row(
    transaction: &Transaction<'_>,
    view: &str,
    by: &str,
    which: &str,
) -> Result<Option<Map<String, Value>>, StoreFault> {
    let text = format!("select to_jsonb(v) - {NOT_VALUES} from {view} v where v.{by}::text = $1");
    let row = transaction.query_opt(&text, &[&which]).await.map_err(StoreFault::doing("reading the record"))?;
    Ok(row.and_then(|row| row.get::<_, Value>(0).as_object().cloned()))
}

impl Seen<'_> {
    /// `gross 203038, deposit 0`; what is hidden is said to be.
    pub(super) async fn values(&self, transaction: &Transaction<'_>, guard: &Guard) -> Result<String, StoreFault> {
        let Some(uses) = self.uses(guard) else { return Ok(String::new()) };
        let mut said = Vec::new();
        for field in uses.fields.iter().filter(|field| *field != "id") {
            match self.row.get(field) {
                Some(_) if uses.refs.iter().any(|(by, _)| by == field) => {}
                Some(value) => said.push(format!("{field} {}", plain(value))),
                None => said.push(format!("{field} (not yours to see)")),
            }
        }
        let hidden = self.entity.access.get(self.role).map(|access| access.hide.as_slice()).unwrap_or_default();
        for (child, fields) in &uses.children {
            if hidden.contains(child) {
                said.push(format!("{child} (not yours to see)"));
                continue;
            }
            said.extend(self.children(transaction, child, fields.iter().map(String::as_str).collect()).await?);
        }
        for (field, entity) in &uses.refs {
            said.extend(self.referred(transaction, field, entity, &guard.that.text).await?);
        }
        Ok(said.join(", "))
    }

    fn uses(&self, guard: &Guard) -> Option<Uses> {
        let place = Place {
            app: self.app,
            entity: self.entity,
            child: None,
            row: "new",
            parent: None,
            steps: &[],
            on: None,
            purpose: Purpose::Guard,
        };
        expr::parse(&guard.that).and_then(|parsed| expr::print(&parsed, &place)).ok().map(|printed| printed.uses)
    }

    async fn children(&self, transaction: &Transaction<'_>, child: &str, fields: Vec<&str>) -> Result<Vec<String>, StoreFault> {
        let view = crate::record::view(&self.app.name, self.role, &format!("{}_{child}", self.entity.name));
        let parent = expr::ident(&self.entity.name);
        let text = format!("select to_jsonb(v) - {NOT_VALUES} from {view} v where v.{parent}::text = $1 order by v.position limit 100");
        let id = self.row.get("id").map(plain).unwrap_or_default();
        let rows: Vec<Value> = transaction.query(&text, &[&id]).await?.iter().map(|row| row.get(0)).collect();
        let mut said = vec![format!("{} {child}", rows.len())];
        for field in fields.iter().filter(|field| !matches!(**field, "id" | "tenant")) {
            let values: Vec<String> = rows.iter().filter_map(|row| row.get(field)).map(plain).collect();
            match values.len() {
                0 if !rows.is_empty() => said.push(format!("{child}.{field} (not yours to see)")),
                0 => {}
                many => {
                    let more = if many > SHOWN_MAX { " …" } else { "" };
                    said.push(format!("{child}.{field} {}{more}", values[..many.min(SHOWN_MAX)].join(" ")));
                }
            }
        }
        Ok(said)
    }

    /// Columns of another record the guard reaches through a reference.
    async fn referred(&self, transaction: &Transaction<'_>, field: &str, entity: &str, text: &str) -> Result<Vec<String>, StoreFault> {
        let id = self.row.get(field).and_then(Value::as_str).and_then(|id| id.parse::<Uuid>().ok());
        let roles_see = self.app.entities.get(entity).is_some_and(|entity| entity.access.contains_key(self.role));
        let seen = match id {
            Some(id) if roles_see => {
                row(transaction, &crate::record::view(&self.app.name, self.role, entity), "id", &id.to_string()).await?
            }
            _ => None,
        };
        let named: BTreeMap<String, String> = paths(text, field)
            .map(|column| {
                let value = seen.as_ref().and_then(|row| row.get(column)).map_or_else(|| "(not yours to see)".into(), plain);
                (format!("{field}.{column}"), value)
            })
            .collect();
        Ok(named.into_iter().map(|(name, value)| format!("{name} {value}")).collect())
    }
}

/// The columns that `text` reaches through `field`: `credit_limit` of `client.credit_limit`.
fn paths<'t>(text: &'t str, field: &str) -> impl Iterator<Item = &'t str> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let prefix = format!("{field}.");
    let starts: Vec<usize> = text.match_indices(&prefix).map(|(at, _)| at).collect();
    starts.into_iter().filter_map(move |at| {
        let own = text[..at].chars().next_back().is_none_or(|before| !word(before) && before != '.');
        let rest = &text[at + prefix.len()..];
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        (own && end > 0).then(|| &rest[..end])
    })
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "empty".into(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[test]
    fn only_whole_paths_of_the_record_itself() {
        let text = "net <= client.credit_limit - x.client.other or my_client.no or o.client = this.client";
        assert_eq!(paths(text, "client").collect::<Vec<_>>(), ["credit_limit"]);
    }
}
