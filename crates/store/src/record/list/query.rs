//! What a list is asked for: filters, order, page, choice of columns, all read against the columns the role sees.

use statehouse_definition::model::FieldKind;
use statehouse_definition::quoted_list;
use statehouse_fault::{Fault, SH6010};

use super::super::shape::{Column, Shape};
use super::super::values::text_form;
use crate::StoreFault;

/// Rows of a page where nothing is said, and at most.
pub const PAGE: u32 = 50;
/// The largest page.
pub const PAGE_MAX: u32 = 200;
/// Columns a list is sorted by, at most.
pub const SORTS_MAX: usize = 4;
/// Columns that may be asked for by name, at most.
pub const FIELDS_MAX: usize = 200;
const FILTERS_MAX: usize = 32;
const ONE_OF_MAX: usize = 100;

/// A list as it is asked for, in the caller's own words.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Field, operator (`eq` where none is said) and value.
    pub filters: Vec<(String, String, String)>,
    /// Columns in order, `-` before one that falls.
    pub sort: Vec<String>,
    /// Columns wanted besides id and version; all where none is said.
    pub fields: Vec<String>,
    /// How many; [`PAGE`] where nothing is said.
    pub limit: Option<u32>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// Whether all that match are counted.
    pub count: bool,
}

/// One condition: SQL with `$` for its value.
#[derive(Debug)]
pub(super) struct Condition {
    /// `v.net > $::bigint`
    pub sql: String,
    /// What `$` stands for.
    pub value: Option<String>,
}

/// A column of the order.
#[derive(Debug)]
pub(super) struct By {
    /// Which.
    pub column: Column,
    /// From the greatest down.
    pub falling: bool,
}

/// The question, read.
#[derive(Debug)]
pub(super) struct Query {
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// The order, without the id that breaks ties.
    pub order: Vec<By>,
    /// The tie falls too.
    pub id_falling: bool,
    /// What is shown.
    pub shown: Vec<String>,
    /// How many.
    pub limit: u32,
    /// The question without its page, which its cursors are bound to.
    pub words: String,
}

pub(super) fn refused(detail: impl Into<String>, help: impl Into<String>) -> StoreFault {
    Fault::new(SH6010, detail).with_help(help).into()
}

impl Query {
    pub fn read(shape: &Shape<'_>, asked: &Listing) -> Result<Query, StoreFault> {
        let columns = shape.columns();
        if asked.filters.len() > FILTERS_MAX || asked.sort.len() > SORTS_MAX || asked.fields.len() > FIELDS_MAX {
            return Err(refused(
                "too much is asked at once",
                format!("give at most {FILTERS_MAX} filters, sort by at most {SORTS_MAX} fields and name at most {FIELDS_MAX}"),
            ));
        }
        let limit = asked.limit.unwrap_or(PAGE);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(refused(format!("`limit` cannot be {limit}"), format!("ask for 1 to {PAGE_MAX}")));
        }
        let mut conditions = Vec::new();
        for (field, operator, value) in &asked.filters {
            conditions.push(condition(column(&columns, "filter", field)?, operator, value)?);
        }
        let mut order = Vec::new();
        let mut id_falling = None;
        for word in &asked.sort {
            let (name, falling) = word.strip_prefix('-').map_or((word.as_str(), false), |name| (name, true));
            if name == "id" {
                id_falling.get_or_insert(falling);
                continue;
            }
            let by = sorted(column(&columns, "sort", name)?, falling)?;
            // Nothing breaks a tie after the id.
            if id_falling.is_none() {
                order.push(by);
            }
        }
        let id_falling = id_falling.unwrap_or(false);
        for field in &asked.fields {
            column(&columns, "fields", field)?;
        }
        let words = format!("{}/{}/{:?}/{:?}", shape.view(), shape.entity.name, asked.filters, asked.sort);
        Ok(Query { conditions, order, id_falling, shown: asked.fields.clone(), limit, words })
    }

    pub fn shows(&self, name: &str) -> bool {
        self.shown.is_empty() || matches!(name, "id" | "version") || self.shown.iter().any(|shown| shown == name)
    }
}

fn column<'c>(columns: &'c [Column], what: &str, name: &str) -> Result<&'c Column, StoreFault> {
    columns.iter().find(|column| column.name == name).ok_or_else(|| {
        refused(
            format!("`{what}` names `{name}`, which is no field here"),
            format!("there is {}", quoted_list(columns.iter().map(|c| &c.name))),
        )
    })
}

fn sorted(column: &Column, falling: bool) -> Result<By, StoreFault> {
    if matches!(column.kind, FieldKind::Geo | FieldKind::Json | FieldKind::File | FieldKind::Range(_)) {
        return Err(refused(format!("`{}` has no order", column.name), "sort by another field"));
    }
    Ok(By { column: column.clone(), falling })
}

fn condition(column: &Column, operator: &str, value: &str) -> Result<Condition, StoreFault> {
    let (name, pg) = (super::quoted(&column.name), column.pg_type);
    let compares = !matches!(column.kind, FieldKind::Geo | FieldKind::Json | FieldKind::Range(_));
    let written = |sql: String, value: &str| Ok(Condition { sql, value: Some(value.to_owned()) });
    match operator {
        "null" => match value {
            "true" => Ok(Condition { sql: format!("{name} is null"), value: None }),
            "false" => Ok(Condition { sql: format!("{name} is not null"), value: None }),
            _ => Err(refused(format!("`filter[{}][null]` is to be true or false", column.name), "write `true` or `false`")),
        },
        "like" if matches!(column.kind, FieldKind::Text | FieldKind::Email | FieldKind::Phone) => {
            if value.len() > 100 || value.contains('\0') {
                return Err(refused(format!("the pattern of `{}` is too long", column.name), "write at most 100 characters"));
            }
            // A pattern that ends with the escape would be an error of Postgres.
            written(format!("{name} like replace($::text, '\\', '\\\\')"), value)
        }
        "in" if compares => {
            let all: Vec<&str> = value.split(',').collect();
            if all.len() > ONE_OF_MAX {
                return Err(refused(format!("`{}` is compared with too many values", column.name), format!("give at most {ONE_OF_MAX}")));
            }
            let ready: Result<Vec<String>, StoreFault> = all.into_iter().map(|one| bound(column, one)).collect();
            let array = serde_json::Value::from(ready?).to_string();
            written(format!("{name} = any (array(select x::{pg} from jsonb_array_elements_text($::jsonb) x))"), &array)
        }
        _ => {
            let symbol = match operator {
                "eq" if compares => "=",
                "ne" if compares => "<>",
                "lt" if ranked(&column.kind) => "<",
                "lte" if ranked(&column.kind) => "<=",
                "gt" if ranked(&column.kind) => ">",
                "gte" if ranked(&column.kind) => ">=",
                _ => return Err(unknown_operator(column, operator)),
            };
            written(format!("{name} {symbol} $::{pg}"), &bound(column, value)?)
        }
    }
}

fn unknown_operator(column: &Column, operator: &str) -> StoreFault {
    let mut there = vec!["null"];
    if !matches!(column.kind, FieldKind::Geo | FieldKind::Json | FieldKind::Range(_)) {
        there.splice(0..0, ["eq", "ne", "in"]);
    }
    if ranked(&column.kind) {
        there.extend(["lt", "lte", "gt", "gte"]);
    }
    if matches!(column.kind, FieldKind::Text | FieldKind::Email | FieldKind::Phone) {
        there.push("like");
    }
    refused(format!("`{}` cannot be filtered by `{operator}`", column.name), format!("use {}", quoted_list(there)))
}

/// Whether values of this kind come one after the other, so that a list may be filtered by `lt` and the like.
pub fn ranked(kind: &FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Integer
            | FieldKind::Decimal
            | FieldKind::Money
            | FieldKind::Percent
            | FieldKind::Date
            | FieldKind::Timestamp
            | FieldKind::Text
    )
}

/// A value as Postgres reads it, if it has the form of the column.
pub(super) fn bound(column: &Column, value: &str) -> Result<String, StoreFault> {
    text_form(&column.kind, value)
        .map_err(|expected| refused(format!("`{}` is compared with what is not {expected}", column.name), format!("give {expected}")))?;
    if column.pg_type == "integer" && value.parse::<i32>().is_err() {
        return Err(refused(format!("`{}` is compared with a number too large", column.name), "give a smaller one"));
    }
    Ok(if column.kind == FieldKind::File { format!("\\x{value}") } else { value.to_owned() })
}
