//! Whether each row rule can use an index, judged as the role whose rows it picks.

use statehouse_compile::entity::{eye, persona_schema};
use statehouse_compile::sql::ident;
use statehouse_definition::Finding;
use statehouse_definition::model::{App, Entity, RowRule, See};
use statehouse_fault::SH3027;
use tokio_postgres::Client;

use crate::StoreFault;

/// A warning for each row rule under which Postgres reads the whole table though it was told not to.
pub(super) async fn explain(client: &Client, app: &App) -> Result<Vec<Finding>, StoreFault> {
    client.batch_execute("set local enable_seqscan = off").await?;
    let mut findings = Vec::new();
    for entity in app.entities.values() {
        for (role, access) in entity.access.iter().filter(|(_, access)| !access.capability) {
            let See::Rule(rule) = &access.see else { continue };
            if reads_all(client, app, entity, role).await? {
                findings.push(warning(app, entity, role, rule));
            }
        }
    }
    Ok(findings)
}

async fn reads_all(client: &Client, app: &App, entity: &Entity, role: &str) -> Result<bool, StoreFault> {
    let view = format!("{}.{}", ident(&persona_schema(app, role)), ident(&entity.name));
    client.batch_execute(&format!("set local role {}", ident(&eye(app, role)))).await?;
    let rows = client
        .query(&format!("explain (costs off) select id from {view}"), &[])
        .await
        .map_err(StoreFault::doing(format!("explaining what `{role}` sees of `{}`", entity.name)))?;
    client.batch_execute("reset role").await?;
    let needle = format!("Seq Scan on {}", ident(&entity.name));
    Ok(rows.iter().any(|row| row.get::<_, String>(0).contains(&needle)))
}

fn warning(app: &App, entity: &Entity, role: &str, rule: &RowRule) -> Finding {
    let at = app.places.within(&rule.expr, 0, rule.expr.text.len());
    let message = format!("what `{role}` sees of `{}` is found by reading the whole table", entity.name);
    Finding::warning(SH3027.code, &at, message).help(format!("make `{}` a reference or a member, so that it has an index", rule.field))
}
