//! Begin, who asks, the work and commit, written to the connection in one go.
//!
//! Nothing is awaited before all of it is sent, so a caller who goes away in the middle leaves no transaction open:
//! either nothing was sent or the end was sent too.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, join4, maybe_done};
use tokio_postgres::Error;
use tokio_postgres::types::{ToSql, Type};

use super::session::Session;
use crate::kept::Kept;
use crate::{Db, StoreFault};

/// A value handed to a statement as text; the statement casts it.
pub(super) type Text<'a> = Option<&'a str>;

/// Runs `work` under the session, in a transaction of its own, over one round trip. `work` must send everything when it
/// is first polled.
pub(crate) async fn within<T>(
    client: &Kept,
    session: &Session,
    doing: &str,
    end: &'static str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, StoreFault> {
    let open = client.prepare_cached(include_str!("../../queries/session_set.sql")).await?;
    let whose: [&(dyn ToSql + Sync); 2] = [&session.token, &session.locale];
    let (begun, opened, worked, ended) =
        join4(client.batch_execute("begin"), client.execute(&open, &whose), work, client.batch_execute(end)).await;
    let failed = || StoreFault::doing(doing);
    begun.map_err(failed())?;
    opened.map_err(failed())?;
    let worked = worked.map_err(failed())?;
    ended.map_err(failed())?;
    Ok(worked)
}

/// One statement under the session. Its text differs from call to call, so it is not kept prepared.
pub(super) async fn ask(
    db: &Db,
    session: &Session,
    doing: &str,
    text: &str,
    given: &[Text<'_>],
) -> Result<Vec<tokio_postgres::Row>, StoreFault> {
    let client = db.lean().await?;
    let typed = typed(given);
    within(&client, session, doing, "commit", client.query_typed(text, &typed)).await
}

/// Every value as a text.
pub(super) fn typed<'a>(given: &'a [Text<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    given.iter().map(|value| (value as &(dyn ToSql + Sync), Type::TEXT)).collect()
}

/// All futures at once, each first polled in its place: what they send goes out in their order.
pub(super) async fn in_order<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<Pin<Box<MaybeDone<F>>>> = futures.into_iter().map(|future| Box::pin(maybe_done(future))).collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for one in &mut all {
            waiting |= one.as_mut().poll(cx).is_pending();
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    all.iter_mut().filter_map(|one| one.as_mut().take_output()).collect()
}
