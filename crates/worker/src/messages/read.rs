//! What a stored message says, in the words of its inbox. Pure.

use serde_json::{Map, Value};
use statehouse_connect::body;
use statehouse_connect::pattern::{self, Missing, Scope};
use statehouse_definition::model::{Inbox, Mapping};
use statehouse_store::inbox::Claimed;

/// The coverage of what we asked for ourselves.
const POLLED: &str = "polled";

/// A message as patterns read it.
pub(crate) struct Read {
    body: Value,
    header: Value,
    query: Value,
    item: Value,
    kind: Value,
    id: Value,
    /// What the mappings are about.
    object: Value,
}

impl Read {
    /// Reads what was stored.
    ///
    /// # Errors
    /// Why it says nothing: a sentence.
    pub fn of(inbox: &Inbox, claimed: &Claimed) -> Result<Read, String> {
        let kind = claimed.headers.get("content-type").and_then(Value::as_str).unwrap_or_default();
        let body = body::read(kind, &claimed.body).map_err(|why| why.to_string())?;
        let item = match (&inbox.items, is_polled(claimed)) {
            (_, true) => body.clone(),
            (Some(path), false) => {
                let place = claimed.item.and_then(|item| usize::try_from(item).ok()).unwrap_or_default();
                // The path begins with the scope it leads into.
                let list = pattern::at(&body, path.strip_prefix("body.").unwrap_or(path)).and_then(Value::as_array);
                list.and_then(|list| list.get(place)).cloned().ok_or_else(|| format!("it has no item {place} at `{path}`"))?
            }
            (None, false) => Value::Null,
        };
        let mut read = Read {
            body,
            header: claimed.headers.clone(),
            query: body::query(&claimed.query),
            item,
            kind: claimed.kind.clone().map_or(Value::Null, Value::String),
            id: claimed.key.clone().into(),
            object: Value::Null,
        };
        let object = match (inbox.reconcile.as_ref().filter(|_| is_polled(claimed)), &claimed.fetched) {
            (Some(reconcile), _) => pattern::render(&reconcile.object, &read.scope()),
            (None, Some(_)) => Ok(Value::Null),
            (None, None) => pattern::render(&inbox.object, &read.scope()),
        };
        read.object = object.map_err(|missing| missing.to_string())?;
        if let Some(answer) = claimed.fetched.as_ref().filter(|_| !is_polled(claimed)) {
            read.take_answer(inbox, answer).map_err(|missing| missing.to_string())?;
        }
        Ok(read)
    }

    /// From now on it is about what its sender answered when it was asked.
    ///
    /// # Errors
    /// What the answer does not say.
    pub fn take_answer(&mut self, inbox: &Inbox, answer: &Value) -> Result<(), Missing> {
        self.object = pattern::render(&inbox.fetched, &Scope::new().with("answer", answer))?;
        Ok(())
    }

    /// What holes lead into.
    pub fn scope(&self) -> Scope<'_> {
        let scope = Scope::new().with("body", &self.body).with("header", &self.header).with("query", &self.query);
        let scope = scope.with("type", &self.kind).with("id", &self.id).with("object", &self.object);
        if self.item.is_null() { scope } else { scope.with("item", &self.item) }
    }

    /// The type by which `messages` and `ignore` are looked up; none where the object does not tell it.
    pub fn meaning(&self, inbox: &Inbox, claimed: &Claimed) -> Option<String> {
        match &inbox.meaning {
            Some(meaning) if !is_polled(claimed) => pattern::text(meaning, &self.scope()).ok(),
            _ => claimed.kind.clone(),
        }
    }

    /// By which value the record is found.
    ///
    /// # Errors
    /// What it does not say.
    pub fn find(&self, mapping: &Mapping) -> Result<String, Missing> {
        pattern::text(&mapping.find.1, &self.scope())
    }

    /// The inputs of the verb; one without a value is left out.
    pub fn input(&self, mapping: &Mapping) -> Option<Value> {
        let scope = self.scope();
        let given: Map<String, Value> =
            mapping.input.iter().filter_map(|(name, pattern)| Some((name.clone(), pattern::render(pattern, &scope).ok()?))).collect();
        (!given.is_empty()).then_some(Value::Object(given))
    }
}

/// Whether we asked for it ourselves: then its sender has been asked already.
pub(crate) fn is_polled(claimed: &Claimed) -> bool {
    claimed.coverage == POLLED
}
