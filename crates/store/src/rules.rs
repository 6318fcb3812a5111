//! The rows of rule tables that come with the definition, and what each role may do.

use statehouse_compile::pricing::{self, RuleRows};
use statehouse_compile::sql::ident;
use statehouse_definition::App;
use statehouse_definition::model::Through;
use tokio_postgres::GenericClient;
use tokio_postgres::types::ToSql;

use crate::StoreFault;

/// Makes the app's own rows exactly those of the definition; rows of a tenant are left alone. Returns how many rows
/// were taken out and put in.
pub(crate) async fn sync(client: &impl GenericClient, app: &App) -> Result<u64, StoreFault> {
    let mut changed = 0;
    for rows in pricing::rows(app) {
        changed += sync_one(client, &rows).await.map_err(StoreFault::doing(format!("writing the rows of `{}`", rows.table)))?;
    }
    Ok(changed)
}

/// Rows travel as columns of text, one array each, and are compared in the table's own types.
async fn sync_one(client: &impl GenericClient, rows: &RuleRows) -> Result<u64, tokio_postgres::Error> {
    let (delete, insert) = statements(rows);
    let arrays: Vec<Vec<Option<&str>>> =
        (0..rows.columns.len()).map(|at| rows.rows.iter().map(|row| row.get(at).and_then(Option::as_deref)).collect()).collect();
    let values: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
    Ok(client.execute(&delete, &values).await? + client.execute(&insert, &values).await?)
}

/// Takes out what the definition no longer says and puts in what it newly says. Both read the whole rule table, which
/// is as short as the definition.
fn statements(rows: &RuleRows) -> (String, String) {
    let table = format!("{}.{}", ident(&rows.schema), ident(&rows.table));
    let names: Vec<String> = rows.columns.iter().map(|(name, _)| ident(name)).collect();
    let casts: Vec<String> = rows.columns.iter().map(|(name, of)| format!("w.{}::{of}", ident(name))).collect();
    let arrays: Vec<String> = (1..=names.len()).map(|n| format!("${n}::text[]")).collect();
    let wanted = format!("(select {} from unnest({}) w ({}))", casts.join(", "), arrays.join(", "), names.join(", "));
    let here: Vec<String> = names.iter().map(|name| format!("t.{name}")).collect();
    let there: Vec<String> = names.iter().map(|name| format!("w.{name}")).collect();
    let same = format!("({}) is not distinct from ({})", here.join(", "), there.join(", "));
    let columns = names.join(", ");
    let delete = format!("delete from {table} t where t.tenant is null and not exists (select from {wanted} w ({columns}) where {same})");
    let insert = format!(
        "insert into {table} ({columns}) select {} from {wanted} w ({columns}) where not exists (select from {table} t where t.tenant is null and {same})",
        there.join(", ")
    );
    (delete, insert)
}

/// Writes what each role may do, as the definition says it.
pub(crate) async fn presets(client: &impl GenericClient, app: &App) -> Result<(), StoreFault> {
    // A role of links or forms is nobody's to be given, so the doors of members do not know it.
    let members = || app.roles.iter().filter(|(_, role)| role.by == Through::Membership);
    let roles: Vec<&str> = members().map(|(name, _)| name.as_str()).collect();
    client
        .execute(include_str!("../queries/preset_delete.sql"), &[&app.name, &roles])
        .await
        .map_err(StoreFault::doing("writing the roles' capabilities"))?;
    for (name, role) in members() {
        let capabilities: Vec<&str> = role.capabilities.iter().map(String::as_str).collect();
        client
            .execute(include_str!("../queries/preset_upsert.sql"), &[&app.name, name, &capabilities])
            .await
            .map_err(StoreFault::doing("writing the roles' capabilities"))?;
    }
    Ok(())
}
