//! What nobody needs any more goes, in bounded bites.

use std::time::Duration;

use statehouse_store::{StoreFault, files, inbox, record, subscription};

use crate::shared::Shared;

/// Bytes of files that go in one bite.
const BYTES: u64 = 256 << 20;
/// Rows that go in one bite.
const ROWS: i32 = 10_000;
/// Bites in one go.
const BITES_MAX: u32 = 100;

/// Removes uploads and files that nothing holds, keys, sessions and messages to subscribers that are over, and what messages
/// said of nobody; and makes gates for tenants that are new.
pub(crate) async fn sweep(shared: &Shared) -> Result<(), StoreFault> {
    for installed in shared.running().all() {
        shared.open_gates(installed).await?;
    }
    for _ in 0..BITES_MAX {
        let swept = files::sweep(&shared.db, BYTES).await?;
        if swept.uploads == 0 && swept.files == 0 {
            break;
        }
    }
    let kept = Duration::from_secs(u64::from(shared.settings.forget_days) * 86_400);
    for _ in 0..BITES_MAX {
        let gone = [
            record::purge(&shared.db, ROWS).await?,
            record::purge_sessions(&shared.db, ROWS).await?,
            subscription::purge(&shared.db, ROWS).await?,
            inbox::forget(&shared.db, kept, ROWS).await?,
        ];
        if gone.iter().all(|gone| *gone < ROWS) || shared.is_stopping() {
            break;
        }
    }
    Ok(())
}
