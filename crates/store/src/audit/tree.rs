//! Many heads as one root.
//!
//! Leaves, nodes and roots are hashed under different first bytes and every part has a fixed width or its length before
//! it, so no list of heads can be passed off as another.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::link::Hash;

const LEAF: u8 = 0;
const NODE: u8 = 1;
const TENANT: u8 = 2;

/// Where one record's chain ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// App and entity, `orders.order`.
    pub entity: String,
    /// The record.
    pub record: Uuid,
    /// Its last event.
    pub seq: i32,
    /// The hash of that event.
    pub head: Hash,
}

/// The root of a tenant's heads, which must be sorted.
pub fn root(tenant: i32, heads: &[Head]) -> Hash {
    let mut hash = Sha256::new();
    hash.update([TENANT]);
    hash.update(tenant.to_be_bytes());
    hash.update((heads.len() as u64).to_be_bytes());
    hash.update(fold(heads.iter().map(leaf).collect()));
    hash.finalize().into()
}

fn leaf(head: &Head) -> Hash {
    let mut hash = Sha256::new();
    hash.update([LEAF]);
    hash.update((head.entity.len() as u64).to_be_bytes());
    hash.update(&head.entity);
    hash.update(head.record.as_bytes());
    hash.update(head.seq.to_be_bytes());
    hash.update(head.head);
    hash.finalize().into()
}

/// Pairs until one is left; an odd one goes up as it is, which is safe because the number of leaves is in the root.
fn fold(mut level: Vec<Hash>) -> Hash {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => {
                    let mut hash = Sha256::new();
                    hash.update([NODE]);
                    hash.update(left);
                    hash.update(right);
                    hash.finalize().into()
                }
                odd => odd[0],
            })
            .collect();
    }
    level.first().copied().unwrap_or_default()
}
