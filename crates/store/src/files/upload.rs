//! A file on its way in. An upload is its actor's alone; another's is as one that never was.

use serde_json::Value;
use sha2::{Digest, Sha256};
use statehouse_fault::SH6110;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{CHUNK_BYTES, File, Hash, PART_BYTES};
use crate::record::Session;
use crate::record::pipeline::within;
use crate::{Db, StoreFault};

/// What is to be uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name, without a path.
    pub name: String,
    /// Its media type, such as `image/jpeg`.
    pub media_type: String,
    /// Bytes.
    pub size: i64,
}

/// Where an upload stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Bytes that are here.
    pub received: u64,
    /// Bytes that were announced.
    pub size: u64,
    /// Its address, once finished.
    pub hash: Option<Hash>,
    media_type: String,
    name: String,
}

/// Opens an upload.
///
/// # Errors
/// `SH6105` and `SH6106` for a description that is not accepted, `SH6107` when too many are open, faults of storage.
pub async fn begin(db: &Db, session: &Session, what: &Described) -> Result<Uuid, StoreFault> {
    let given: [&(dyn ToSql + Sync); 3] = [&what.name, &what.media_type, &what.size];
    Ok(one(db, session, "beginning an upload", include_str!("../../queries/upload_begin.sql"), &given).await?.get(0))
}

/// Adds at most [`PART_BYTES`] at `at` and returns where the upload stands then. The same part again changes nothing.
///
/// # Errors
/// `SH6101` for an upload that is not the caller's, `SH6102` when it stands elsewhere (see [`offset_of`]), `SH6104` for a
/// part that does not fit, faults of storage.
pub async fn append(db: &Db, session: &Session, upload: Uuid, at: u64, bytes: &[u8]) -> Result<u64, StoreFault> {
    let at = i64::try_from(at).unwrap_or(i64::MAX - i64::from(u32::MAX));
    let given: [&(dyn ToSql + Sync); 3] = [&upload, &at, &bytes];
    let row = one(db, session, "adding to an upload", include_str!("../../queries/upload_append.sql"), &given).await?;
    Ok(unsigned(&row, 0))
}

/// Where an upload stands.
///
/// # Errors
/// `SH6101` for one that is not the caller's, faults of storage.
pub async fn state(db: &Db, session: &Session, upload: Uuid) -> Result<Upload, StoreFault> {
    let row = one(db, session, "looking at an upload", include_str!("../../queries/upload_state.sql"), &[&upload]).await?;
    let hash = row.get::<_, Option<&[u8]>>("file").map(Hash::read).transpose()?;
    Ok(Upload {
        received: unsigned(&row, "at_offset"),
        size: unsigned(&row, "size"),
        hash,
        media_type: row.get("media_type"),
        name: row.get("name"),
    })
}

/// Makes a whole upload a file that its actor may attach. Where `sha256` is given, every byte that is here is read again
/// and compared first.
///
/// # Errors
/// `SH6101`, `SH6103` when bytes are missing, `SH6110` when the bytes here are others, faults of storage.
pub async fn finish(db: &Db, session: &Session, upload: Uuid, sha256: Option<[u8; 32]>) -> Result<File, StoreFault> {
    let standing = state(db, session, upload).await?;
    if let Some(sha256) = sha256.filter(|_| standing.received == standing.size)
        && digest(db, session, upload, standing.size).await? != sha256
    {
        return Err(StoreFault::refused(SH6110, "the bytes here have another SHA-256"));
    }
    let row = one(db, session, "finishing an upload", include_str!("../../queries/upload_finish.sql"), &[&upload]).await?;
    Ok(File { hash: Hash::read(row.get(0))?, size: standing.size, media_type: standing.media_type, name: standing.name })
}

/// Gives an upload up.
///
/// # Errors
/// `SH6101` for one that is not the caller's, faults of storage.
pub async fn abandon(db: &Db, session: &Session, upload: Uuid) -> Result<(), StoreFault> {
    one(db, session, "giving up an upload", include_str!("../../queries/upload_abandon.sql"), &[&upload]).await.map(|_| ())
}

/// Where an upload stands, as a refusal tells it.
pub fn offset_of(fault: &StoreFault) -> Option<u64> {
    let StoreFault::Postgres { cause, .. } = fault else { return None };
    let error = cause.as_db_error().filter(|error| error.code().code().starts_with("S61"))?;
    serde_json::from_str::<Value>(error.detail()?).ok()?.get("offset")?.as_u64()
}

async fn digest(db: &Db, session: &Session, upload: Uuid, size: u64) -> Result<[u8; 32], StoreFault> {
    let mut hasher = Sha256::new();
    let chunks = i32::try_from(size.div_ceil(CHUNK_BYTES)).unwrap_or(i32::MAX);
    let step = (PART_BYTES / CHUNK_BYTES) as i32;
    for first in (0..chunks).step_by(step as usize) {
        let client = db.get().await?;
        let statement = client.prepare_cached(include_str!("../../queries/upload_read.sql")).await?;
        let last = first + step - 1;
        let given: [&(dyn ToSql + Sync); 3] = [&upload, &first, &last];
        let rows = within(&client, session, "reading an upload again", "commit", client.query(&statement, &given)).await?;
        rows.iter().for_each(|row| hasher.update(row.get::<_, &[u8]>("bytes")));
    }
    Ok(hasher.finalize().into())
}

async fn one(db: &Db, session: &Session, doing: &str, text: &'static str, given: &[&(dyn ToSql + Sync)]) -> Result<Row, StoreFault> {
    let client = db.get().await?;
    let statement = client.prepare_cached(text).await.map_err(StoreFault::doing(doing))?;
    within(&client, session, doing, "commit", client.query_one(&statement, given)).await
}

/// A number of bytes; a constraint keeps it from being negative.
pub(super) fn unsigned(row: &Row, column: impl tokio_postgres::row::RowIndex + std::fmt::Display) -> u64 {
    row.get::<_, i64>(column).unsigned_abs()
}
