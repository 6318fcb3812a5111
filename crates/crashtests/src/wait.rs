//! Waiting for what must come, and not for ever.

use std::time::Duration;

use tokio::time::Instant;

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// Whether `holds` came true within `bound`.
pub async fn within(bound: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if holds().await {
            return true;
        }
        if began.elapsed() >= bound {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
