//! A provider that remembers everything, one account a tenant.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use statehouse_definition::model::Class;
use statehouse_store::effects::Claimed;

use crate::facts::Call;

/// All three classes.
#[derive(Debug, Default)]
pub(super) struct Provider {
    calls: Mutex<Vec<(i32, Call)>>,
}

impl Provider {
    /// Sends it; what the provider answers.
    pub(super) fn send(&self, effect: &Claimed) -> Value {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (tenant, key) = (effect.held.tenant, effect.key());
        // Class K knows its keys; the others do it again.
        let again =
            calls.iter().find(|(whose, call)| *whose == tenant && call.effect && call.of() == Some(&key) && effect.class == Class::K);
        let id = again.map_or(calls.len() as u64 + 1, |(_, call)| call.n);
        let happens = again.is_none();
        let n = calls.len() as u64 + 1;
        let more = [("body".to_owned(), effect.args.clone())].into_iter().collect();
        calls.push((
            tenant,
            Call { n, provider: effect.connector.clone(), op: "send".into(), key: Some(key), reference: None, effect: happens, more },
        ));
        json!({ "id": id.to_string() })
    }

    /// Asks class Q whether it has happened.
    pub(super) fn find(&self, effect: &Claimed) -> Option<Value> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let (tenant, key) = (effect.held.tenant, effect.key());
        let found = calls.iter().find(|(whose, call)| *whose == tenant && call.effect && call.of() == Some(&key));
        found.map(|(_, call)| json!({ "id": call.n.to_string() }))
    }

    /// The log of one tenant.
    pub(super) fn calls(&self, tenant: i32) -> Vec<Call> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.iter().filter(|(whose, _)| *whose == tenant).map(|(_, call)| call.clone()).collect()
    }
}
