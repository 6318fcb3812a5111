//! A tenant's own rows of a rule table, e.g. its tariff.

use serde_json::{Map, Value};
use statehouse_definition::expr::ident;
use statehouse_definition::model::{App, FieldKind, RuleTable};
use statehouse_fault::SH1003;
use tokio_postgres::Client;

use super::cell::{self, Read};
use super::source::{Row, Source};
use super::{BadCell, Report};
use crate::StoreFault;
use crate::record::tenant;

/// Which table, and whose rows.
#[derive(Clone, Copy, Debug)]
pub struct RuleImport<'a> {
    /// The app as it is applied.
    pub app: &'a App,
    /// The rule table's name.
    pub table: &'a str,
    /// The tenant's slug.
    pub tenant: &'a str,
}

/// Imports rows of a rule table for one tenant, as the administrator: no persona may write prices. All or nothing; a row
/// that is there already is left as it is, one that begins on the same day with other values is bad.
///
/// # Errors
/// `SH1003` for a table the app does not have, `SH1001` for a tenant that is not there, and faults of storage.
pub async fn import_rules(admin: &mut Client, import: RuleImport<'_>, source: &Source) -> Result<Report, StoreFault> {
    let Some(rules) = import.app.tables.get(import.table) else {
        return Err(StoreFault::refused(SH1003, format!("`{}` has no rule table `{}`", import.app.name, import.table)));
    };
    let tenant = tenant(admin, import.tenant).await?;
    let mut report = Report::default();
    let columns = columns(rules);
    let rows: Vec<(Row, Value)> = source
        .rows(&mut report.bad)
        .into_iter()
        .filter_map(|row| read(&columns, &row, &mut report.bad).map(|value| (row, value)))
        .collect();
    let text = statement(import, &columns);
    let transaction = admin.transaction().await?;
    for (row, value) in &rows {
        if !report.bad.is_empty() {
            break;
        }
        let doing = StoreFault::doing(format!("importing rows of `{}`", import.table));
        match transaction.query_one(&text, &[value, &tenant]).await.map_err(doing) {
            Ok(outcome) if outcome.get::<_, bool>("added") => report.added += 1,
            Ok(outcome) if outcome.get::<_, bool>("same") => report.present += 1,
            Ok(_) => report.bad.push(row.bad(0, "another row with other values begins on this day", "begin the new row on a later day")),
            Err(fault) if fault.sqlstate().is_some() => {
                let fault = fault.fault();
                report.bad.push(row.bad(0, fault.detail, fault.help));
            }
            Err(fault) => return Err(fault),
        }
    }
    if report.bad.is_empty() {
        transaction.commit().await?;
    } else {
        report.added = 0;
        transaction.rollback().await?;
    }
    Ok(report)
}

/// Match columns, values, and what every rule says about itself.
fn columns(rules: &RuleTable) -> Vec<(&str, FieldKind, bool)> {
    let own = rules.matches.iter().chain(&rules.values).map(|(name, kind)| (name.as_str(), kind.clone(), true));
    let about = [
        ("valid_from", FieldKind::Date, true),
        ("valid_to", FieldKind::Date, false),
        ("source", FieldKind::Text, true),
        ("checked_on", FieldKind::Date, true),
    ];
    own.chain(about).collect()
}

fn read(columns: &[(&str, FieldKind, bool)], row: &Row, bad: &mut Vec<BadCell>) -> Option<Value> {
    let before = bad.len();
    let mut values = Map::new();
    for cell in &row.cells {
        let Some((name, kind, _)) = columns.iter().find(|(name, _, _)| *name == cell.name) else {
            bad.push(row.bad(cell.column, format!("there is no column `{}`", cell.name), "leave the column out"));
            continue;
        };
        match cell::read(name, &cell.value, kind) {
            Ok(Read::Value(value)) => drop(values.insert(cell.name.clone(), value)),
            Ok(_) => bad.push(row.bad(cell.column, format!("`{name}` cannot be imported"), "leave the column out")),
            Err((detail, help)) => bad.push(row.bad(cell.column, detail, help)),
        }
    }
    for (name, _, _) in columns.iter().filter(|(name, _, needed)| *needed && row.find(name).is_none()) {
        bad.push(row.bad(0, format!("the row has no `{name}`"), format!("give it a value in `{name}`")));
    }
    (bad.len() == before).then_some(Value::Object(values))
}

/// Adds the row unless one begins that day, and says whether that one is the same.
fn statement(import: RuleImport<'_>, columns: &[(&str, FieldKind, bool)]) -> String {
    let table = format!("{}.{}", ident(&import.app.name), ident(import.table));
    let names = columns.iter().map(|(name, ..)| ident(name)).collect::<Vec<_>>().join(", ");
    let given = columns.iter().map(|(name, ..)| format!("g.{}", ident(name))).collect::<Vec<_>>().join(", ");
    let same = columns.iter().map(|(name, ..)| format!("t.{0} is not distinct from g.{0}", ident(name))).collect::<Vec<_>>().join(" and ");
    format!(
        "with given as (select * from jsonb_populate_record(null::{table}, $1)),\n\
         added as (insert into {table} (tenant, {names}) select $2::int, {given} from given g on conflict do nothing returning 1)\n\
         select exists (select from added) as added,\n\
         exists (select from {table} t, given g where t.tenant = $2::int and {same}) as same"
    )
}
