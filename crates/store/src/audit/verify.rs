//! Every chain, from the first event to the record itself.

use std::ops::ControlFlow;

use serde::Serialize;
use tokio_postgres::Client;

use super::anchor::Anchor;
use super::finding::{Finding, What};
use super::judge::{Chain, finding};
use super::read;
use crate::StoreFault;

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How many records.
    pub records: u64,
    /// How many events.
    pub events: u64,
    /// How many of them lost their payload to an erasure.
    pub erased: u64,
    /// When the anchor was taken, if there was one.
    pub anchored_at: Option<String>,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

/// Computes every chain again and compares it with the records, and with an anchor taken earlier.
///
/// Without an anchor it finds every edit, deletion and swap that was not followed by writing the whole rest of the chain
/// and the record anew; with one, those too, up to the moment the anchor was taken.
///
/// # Errors
/// `SH5021` for an anchor that contradicts itself, and faults of storage. Findings are no errors.
pub async fn verify(admin: &mut Client, anchor: Option<&Anchor>) -> Result<Report, StoreFault> {
    let mut anchored = anchor.map(Anchor::heads).transpose()?.unwrap_or_default();
    let snapshot = read::snapshot(admin).await?;
    let mut records = read::records(&snapshot).await?;
    let mut report = Report {
        records: records.len() as u64,
        events: 0,
        erased: 0,
        anchored_at: anchor.map(|anchor| anchor.taken_at.clone()),
        findings: Vec::new(),
    };
    let mut open: Option<Chain> = None;
    read::events(&snapshot, |event| {
        report.events += 1;
        report.erased += u64::from(event.payload.is_none());
        let which = (event.tenant, event.entity.clone(), event.record);
        if open.as_ref().is_none_or(|chain| *chain.which() != which) {
            if let Some(chain) = open.take() {
                let stored = records.remove(chain.which());
                chain.end(stored, &mut report.findings);
            }
            let expected = anchored.remove(&which);
            open = Some(Chain::new(which, expected));
        }
        if let Some(chain) = &mut open {
            chain.take(&event, &mut report.findings);
        }
        ControlFlow::Continue(())
    })
    .await?;
    if let Some(chain) = open {
        let stored = records.remove(chain.which());
        chain.end(stored, &mut report.findings);
    }
    let mut left: Vec<Finding> = records.keys().map(|which| finding(which, None, What::NoEvents)).collect();
    left.extend(anchored.iter().map(|(which, (seq, _))| finding(which, Some(*seq), What::Gone)));
    left.sort_by(|a, b| (a.tenant, &a.entity, a.record).cmp(&(b.tenant, &b.entity, b.record)));
    report.findings.extend(left);
    Ok(report)
}
