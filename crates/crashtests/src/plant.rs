//! Bugs planted in the test's database: every operator at every site that its pattern finds.

use crate::operator::{self, Kind, Operator};
use crate::rows::Rows;
use crate::source;

/// Functions an operator may change, and their texts.
const FUNCTIONS: &str = "select n.nspname || '.' || p.proname || '\x1e' || pg_get_functiondef(p.oid)
   from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.nspname in ('statehouse', 'proof') and p.prokind = 'f' order by p.oid::regprocedure::text";

/// One bug at one place.
#[derive(Debug, Clone)]
pub struct Plant {
    /// Such as `F01 statehouse.settle_within 1`: the operator, the site, and which match in it.
    pub name: String,
    /// What is wrong.
    pub operator: Operator,
    /// The statement that plants it, as the superuser.
    pub sql: String,
}

/// Every bug that can be planted by SQL.
///
/// # Panics
/// When the catalog cannot be read.
pub async fn all(rows: &Rows) -> Vec<Plant> {
    let functions = list(rows, FUNCTIONS).await;
    let mut plants = Vec::new();
    for operator in operator::all() {
        match operator.kind {
            Kind::Function => {
                let (sites, pattern) = (operator.sites(), operator.expression());
                for [name, text] in functions.iter().filter(|[name, _]| sites.is_match(name)) {
                    // The head names the function; what is wrong is in its body.
                    let body = text.find("\nAS ").or_else(|| text.find("\n RETURN")).or_else(|| text.find("\nBEGIN ATOMIC")).unwrap_or(0);
                    let (head, body) = text.split_at(body);
                    for (planted, nth) in operator.plant_with(&pattern, body).into_iter().zip(1..) {
                        plants.push(plant(&operator, name, nth, format!("{head}{planted}")));
                    }
                }
            }
            Kind::Catalog => {
                for [table, name] in list(rows, &objects(&operator.site)).await {
                    let sql = operator.pattern.replace("{table}", &table).replace("{name}", &format!("\"{name}\""));
                    let sql = if sql.starts_with("drop index") {
                        sql.replace("\"", "").replace("drop index ", "drop index statehouse.")
                    } else {
                        sql
                    };
                    plants.push(plant(&operator, &format!("{table}.{name}"), 1, sql));
                }
            }
            // What stands in the database of that part of the source.
            Kind::Source => {
                for bug in source::all().iter().filter(|bug| bug.operator.id == operator.id) {
                    let Some(function) = bug.function() else { continue };
                    let found = functions.iter().find(|[name, _]| name == function);
                    let [name, text] = found.unwrap_or_else(|| panic!("{}: there is no `{function}`", bug.name));
                    let planted = bug.text(text).unwrap_or_else(|cause| panic!("{}: {cause}", bug.name));
                    plants.push(plant(&operator, name, 1, planted));
                }
            }
        }
    }
    plants
}

fn plant(operator: &Operator, site: &str, nth: usize, sql: String) -> Plant {
    Plant { name: format!("{} {site} {nth}", operator.id), operator: operator.clone(), sql }
}

/// The catalog objects of a kind of certain tables: `trigger of statehouse.effect …`.
fn objects(site: &str) -> String {
    let (kind, tables) = site.split_once(" of ").unwrap_or((site, ""));
    let tables = tables.split(' ').map(|table| format!("to_regclass('{table}')")).collect::<Vec<_>>().join(", ");
    let constraint = |kind: &str| {
        format!(
            "select conrelid::regclass || '\x1e' || conname from pg_constraint where contype in ({kind}) and conrelid = any (array[{tables}]) order by 1"
        )
    };
    match kind {
        "trigger" => format!("select tgrelid::regclass || '\x1e' || tgname from pg_trigger where not tgisinternal and tgrelid = any (array[{tables}]) order by 1"),
        "unique" => constraint("'p', 'u'"),
        "check" => constraint("'c'"),
        "unique index" => format!(
            "select indrelid::regclass || '\x1e' || indexrelid::regclass::name from pg_index i where indisunique and indrelid = any (array[{tables}])
               and not exists (select from pg_constraint c where c.conindid = i.indexrelid) order by 1"
        ),
        other => panic!("there are no objects of the kind `{other}`"),
    }
}

/// Pairs of texts.
async fn list(rows: &Rows, statement: &str) -> Vec<[String; 2]> {
    let found = rows.client().query(statement, &[]).await.unwrap_or_else(|cause| panic!("{statement}: {cause:?}"));
    let pair = |row: &tokio_postgres::Row| row.get::<_, String>(0).split_once('\u{1e}').map(|(a, b)| [a.to_owned(), b.to_owned()]);
    found.iter().filter_map(pair).collect()
}
