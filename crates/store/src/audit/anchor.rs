//! What is kept outside the database: where every chain ended, and one root per tenant.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};
use statehouse_fault::SH5021;
use tokio_postgres::Client;

use super::link::Hash;
use super::read::{self, Which};
use super::tree::{self, Head};
use crate::StoreFault;
use crate::secret::hex;

/// The form of the file; another number is another form.
const FORMAT: &str = "statehouse-anchor-1";

/// Where every chain ended when it was taken. Keep it where the database's administrator cannot write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    format: String,
    /// When, by the database's clock, in RFC 3339.
    pub taken_at: String,
    /// One entry a tenant, by number.
    pub tenants: Vec<AnchoredTenant>,
}

/// A tenant's chains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnchoredTenant {
    /// Its number.
    pub tenant: i32,
    /// Its slug.
    pub slug: String,
    /// Merkle root over `heads`, in hex.
    pub root: String,
    /// How many records.
    pub records: u64,
    /// How many events.
    pub events: u64,
    /// `entity record seq head`, sorted.
    pub heads: Vec<String>,
}

/// Reads where every chain ends now. Nothing is judged: verify first.
///
/// # Errors
/// Faults of storage.
pub async fn anchor(admin: &mut Client) -> Result<Anchor, StoreFault> {
    let snapshot = read::snapshot(admin).await?;
    let taken_at = read::now(&snapshot).await?;
    let tenants = read::tenants(&snapshot).await?;
    let mut heads: HashMap<i32, Vec<Head>> = HashMap::new();
    let mut events: HashMap<i32, u64> = HashMap::new();
    read::events(&snapshot, |event| {
        *events.entry(event.tenant).or_default() += 1;
        let list = heads.entry(event.tenant).or_default();
        let head = Head { entity: event.entity, record: event.record, seq: event.seq, head: read::hash(&event.head) };
        match list.last_mut().filter(|last| last.entity == head.entity && last.record == head.record) {
            Some(last) => *last = head,
            None => list.push(head),
        }
        ControlFlow::Continue(())
    })
    .await?;
    let tenants = tenants.into_iter().map(|(tenant, slug)| {
        let mut list = heads.remove(&tenant).unwrap_or_default();
        list.sort();
        AnchoredTenant {
            tenant,
            slug,
            root: hex(&tree::root(tenant, &list)),
            records: list.len() as u64,
            events: events.remove(&tenant).unwrap_or_default(),
            heads: list.iter().map(line).collect(),
        }
    });
    Ok(Anchor { format: FORMAT.into(), taken_at, tenants: tenants.collect() })
}

impl Anchor {
    /// Reads an anchor from its file's text and checks it against its own roots.
    ///
    /// # Errors
    /// `SH5021` when the file is not an anchor, or was changed.
    pub fn parse(text: &str) -> Result<Anchor, StoreFault> {
        let anchor: Anchor =
            serde_json::from_str(text).map_err(|cause| StoreFault::refused(SH5021, format!("the anchor cannot be read: {cause}")))?;
        if anchor.format != FORMAT {
            return Err(StoreFault::refused(SH5021, format!("the anchor is of the form `{}`, not `{FORMAT}`", anchor.format)));
        }
        anchor.heads()?;
        Ok(anchor)
    }

    /// The file's text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The heads by tenant, entity and record.
    pub(super) fn heads(&self) -> Result<HashMap<Which, (i32, Hash)>, StoreFault> {
        let mut all = HashMap::new();
        for tenant in &self.tenants {
            let heads: Option<Vec<Head>> = tenant.heads.iter().map(|text| unline(text)).collect();
            let heads = heads.filter(|heads| hex(&tree::root(tenant.tenant, heads)) == tenant.root);
            let Some(heads) = heads else {
                return Err(StoreFault::refused(SH5021, format!("the anchor's heads of `{}` do not give its root", tenant.slug)));
            };
            all.extend(heads.into_iter().map(|head| ((tenant.tenant, head.entity, head.record), (head.seq, head.head))));
        }
        Ok(all)
    }
}

fn line(head: &Head) -> String {
    format!("{} {} {} {}", head.entity, head.record, head.seq, hex(&head.head))
}

fn unline(text: &str) -> Option<Head> {
    let mut words = text.split(' ');
    let head = Head {
        entity: words.next()?.to_owned(),
        record: words.next()?.parse().ok()?,
        seq: words.next()?.parse().ok()?,
        head: unhex(words.next()?)?,
    };
    words.next().is_none().then_some(head)
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(hash)
}
