//! How far each outgoing message has come.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Notice;
use crate::log::Line;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It will be tried, or tried again.
    Pending,
    /// Its receiver answered as the provider wants it.
    Delivered,
    /// Every attempt failed.
    GivenUp,
    /// It was never sent: a fault switch, or nobody to send it to.
    Dropped,
}

/// One outgoing message and its attempts.
#[derive(Clone, Debug, Serialize)]
pub struct Delivery {
    /// Tells it from every other one.
    pub nr: String,
    /// The stand-in that sends it.
    pub provider: String,
    /// The id by which its receiver tells it apart.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// How often it was sent.
    pub attempts: u64,
    /// What was answered last; nothing when nobody answered.
    pub status: Option<u16>,
    /// Where it stands.
    pub state: State,
    #[serde(skip)]
    pub(crate) notice: Notice,
}

/// All messages that were ever owed.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    all: Vec<Delivery>,
    by_nr: HashMap<String, usize>,
}

impl Deliveries {
    /// Takes up what a line owes.
    pub(crate) fn owe(&mut self, provider: &str, notice: Notice) {
        self.by_nr.insert(notice.nr.clone(), self.all.len());
        self.all.push(Delivery {
            nr: notice.nr.clone(),
            provider: provider.to_owned(),
            id: notice.id.clone(),
            kind: notice.kind.clone(),
            attempts: 0,
            status: None,
            state: State::Pending,
            notice,
        });
    }

    /// Takes up what a line of `hook` says.
    pub(crate) fn note(&mut self, line: &Line) {
        let Some(delivery) = line.body["nr"].as_str().and_then(|nr| self.by_nr.get(nr)).and_then(|at| self.all.get_mut(*at)) else {
            return;
        };
        // A copy that a switch made, or a forged one, says nothing about the real one.
        if line.body["copy"].as_bool().unwrap_or(false) {
            return;
        }
        delivery.attempts = line.body["attempt"].as_u64().unwrap_or(delivery.attempts);
        delivery.status = line.status;
        if let Ok(state) = serde_json::from_value(line.body["state"].clone()) {
            delivery.state = state;
        }
    }

    pub(crate) fn all(&self) -> &[Delivery] {
        &self.all
    }
}
