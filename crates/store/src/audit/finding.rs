//! What is wrong with a record's history.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The tenant.
    pub tenant: i32,
    /// App and entity, `orders.order`.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// The event, where it is about one.
    pub seq: Option<i32>,
    /// What.
    pub what: What,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The payload does not give the hash beside it.
    PayloadChanged,
    /// The payload is gone and the record has no later event `erased`.
    PayloadMissing,
    /// The event's `previous` is not the head of the event before.
    Unlinked,
    /// The event's head is not what its parts give.
    HeadWrong,
    /// Another event was expected here.
    SeqWrong {
        /// The seq that should follow.
        expected: i32,
    },
    /// The event leaves another state than the one before entered.
    StateUnlinked,
    /// The record is at another version than its last event.
    VersionDiffers {
        /// What the record says.
        version: i32,
    },
    /// The record's head is not that of its last event.
    RecordHeadDiffers,
    /// The record is in another state than its last event entered.
    RecordStateDiffers,
    /// Events of a record that is not there.
    Orphan,
    /// A record without a single event.
    NoEvents,
    /// The anchor knows a later event.
    TailCut {
        /// The last event the anchor knows.
        anchored: i32,
    },
    /// The anchored event has another head: the chain was written anew.
    Rewritten,
    /// The anchor knows this record; neither it nor its events are there.
    Gone,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::PayloadChanged => write!(f, "the payload was changed"),
            What::PayloadMissing => write!(f, "the payload is gone and nothing says it was erased"),
            What::Unlinked => write!(f, "it does not continue the event before"),
            What::HeadWrong => write!(f, "the event was changed"),
            What::SeqWrong { expected } => write!(f, "event {expected} was expected here"),
            What::StateUnlinked => write!(f, "it leaves a state the record was not in"),
            What::VersionDiffers { version } => write!(f, "the record is at version {version}"),
            What::RecordHeadDiffers => write!(f, "the record's head is another"),
            What::RecordStateDiffers => write!(f, "the record is in another state"),
            What::Orphan => write!(f, "the record of these events is not there"),
            What::NoEvents => write!(f, "the record has no events"),
            What::TailCut { anchored } => write!(f, "the anchor knows event {anchored}; the end was cut off"),
            What::Rewritten => write!(f, "the anchor knows another event here; the chain was written anew"),
            What::Gone => write!(f, "the anchor knows this record; it is gone with its events"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {} `{}` {}", self.tenant, self.entity, self.record)?;
        if let Some(seq) = self.seq {
            write!(f, " event {seq}")?;
        }
        write!(f, ": {}", self.what)
    }
}
