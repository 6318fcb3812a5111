//! A file of a record, as far as the caller's view shows it.

use statehouse_definition::expr::ident;
use statehouse_definition::model::{App, FieldKind};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::upload::unsigned;
use super::{CHUNK_BYTES, File, Hash, PART_BYTES};
use crate::record::pipeline::within;
use crate::record::{Session, Target};
use crate::{Db, StoreFault};

/// Rows with files: an entity's records, or the rows one of its children has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    schema: String,
    entity: String,
    name: String,
    /// Whether its records have readable references.
    has_reference: bool,
}

/// A field of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which rows.
    pub relation: Relation,
    /// The row.
    pub record: Uuid,
    /// The field.
    pub field: String,
}

/// A file and the place that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Where.
    pub place: Place,
    /// What.
    pub file: File,
}

impl Relation {
    /// The rows in which a role sees a file in `field`; none where there is nothing of the kind for this role.
    pub fn of(app: &App, role: &str, entity: &str, child: Option<&str>, field: &str) -> Option<Relation> {
        let entity = app.entities.get(entity)?;
        let reach = statehouse_compile::entity::reach(app, &entity.name, role)?;
        let (kind, is_visible, name) = match child {
            None => (&entity.fields.get(field)?.kind, reach.visible.iter().any(|f| f == field), entity.name.clone()),
            Some(child) => {
                let fields = &entity.children.get(child)?.fields;
                let visible = reach.children.iter().find(|reach| reach.name == child)?.visible.iter().any(|f| f == field);
                (&fields.get(field)?.kind, visible, format!("{}_{child}", entity.name))
            }
        };
        let (schema, has_reference) = (format!("{}_{role}", app.name), entity.reference.is_some());
        (*kind == FieldKind::File && is_visible).then(|| Relation { schema, entity: entity.name.clone(), name, has_reference })
    }

    fn view(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.name))
    }

    /// The view of the records themselves.
    fn owner(&self) -> String {
        format!("{}.{}", ident(&self.schema), ident(&self.entity))
    }

    fn function(&self, suffix: &str) -> String {
        format!("{}.{}", ident(&self.schema), ident(&format!("{}_{suffix}", self.name)))
    }
}

/// Which row: a record, or one that a record owns.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The row; one that a record owns has no reference.
    pub row: Target<'a>,
    /// The record that owns it.
    pub owner: Option<Target<'a>>,
}

/// Which file a row holds in `field`; nothing where the caller does not see one.
///
/// # Errors
/// Faults of storage.
pub async fn about(db: &Db, session: &Session, relation: &Relation, row: &Row<'_>, field: &str) -> Result<Option<Held>, StoreFault> {
    let record = row.owner.unwrap_or(row.row);
    let reference = match record {
        Target::Reference(_) if !relation.has_reference => return Ok(None),
        Target::Reference(reference) => Some(reference),
        Target::Id(_) => None,
    };
    let id = match record {
        Target::Id(id) => Some(id),
        Target::Reference(_) => None,
    };
    let by = if reference.is_some() { "reference" } else { "id" };
    let which: &(dyn ToSql + Sync) = if reference.is_some() { &reference } else { &id };
    let own = match (row.owner, row.row) {
        (None, _) => None,
        (Some(_), Target::Id(id)) => Some(id),
        (Some(_), Target::Reference(_)) => return Ok(None),
    };
    let from = match own {
        None => format!("{} v, {}(v.id, $2) f where v.{} = $1", relation.view(), relation.function("file"), ident(by)),
        Some(_) => format!(
            "{} r join {} v on v.{} = r.id, {}(v.id, $2) f where r.{} = $1 and v.id = $3",
            relation.owner(),
            relation.view(),
            ident(&relation.entity),
            relation.function("file"),
            ident(by)
        ),
    };
    let text = format!("select v.id, f.hash, f.size, f.media_type, f.name from {from}");
    let doing = "looking for a file";
    let client = db.get().await?;
    let statement = client.prepare_cached(&text).await.map_err(StoreFault::doing(doing))?;
    let mut given: Vec<&(dyn ToSql + Sync)> = vec![which, &field];
    given.extend(own.as_ref().map(|id| id as &(dyn ToSql + Sync)));
    let Some(found) = within(&client, session, doing, "commit", client.query_opt(&statement, &given)).await? else { return Ok(None) };
    let place = Place { relation: relation.clone(), record: found.get("id"), field: field.to_owned() };
    let file = File {
        hash: Hash::read(found.get("hash"))?,
        size: unsigned(&found, "size"),
        media_type: found.get("media_type"),
        name: found.get("name"),
    };
    Ok(Some(Held { place, file }))
}

/// The bytes of a file from `at` on, to the end of the part that holds them, at most [`PART_BYTES`]; nothing when the
/// caller no longer sees this very file there.
///
/// # Errors
/// Faults of storage.
pub async fn read(db: &Db, session: &Session, held: &Held, at: u64) -> Result<Option<Vec<u8>>, StoreFault> {
    let doing = "reading a file";
    let text = format!("select bytes from {}($1, $2, $3, $4, $5)", held.place.relation.function("file_bytes"));
    let first = i32::try_from(at / CHUNK_BYTES).unwrap_or(i32::MAX - 16);
    let last = first + (PART_BYTES / CHUNK_BYTES) as i32 - 1;
    let client = db.get().await?;
    let statement = client.prepare_cached(&text).await.map_err(StoreFault::doing(doing))?;
    let hash = held.file.hash.as_bytes();
    let given: [&(dyn ToSql + Sync); 5] = [&held.place.record, &held.place.field, &hash, &first, &last];
    let rows = within(&client, session, doing, "commit", client.query(&statement, &given)).await?;
    let mut bytes = Vec::with_capacity(rows.iter().map(|row| row.get::<_, &[u8]>(0).len()).sum());
    rows.iter().for_each(|row| bytes.extend_from_slice(row.get(0)));
    let before = usize::try_from(at % CHUNK_BYTES).unwrap_or(usize::MAX);
    if bytes.len() <= before {
        return Ok(None);
    }
    bytes.drain(..before);
    Ok(Some(bytes))
}
