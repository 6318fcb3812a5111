//! Fields and their types.

use crate::finding::Finding;
use crate::model::{Derived, Field, FieldKind, Named, RangeOf};
use crate::read::cx::{Cx, Keys};
use crate::read::words;
use crate::yaml::{Entry, Node};

/// The words a `type` may be.
pub(crate) const TYPES: [&str; 18] = [
    "text",
    "enum",
    "integer",
    "decimal",
    "money",
    "currency",
    "percent",
    "date",
    "timestamp",
    "range",
    "bool",
    "phone",
    "email",
    "geo",
    "json",
    "ref",
    "member",
    "file",
];

const KEYS: [&str; 16] = [
    "type", "ref", "to", "of", "required", "unique", "default", "computed", "rollup", "per", "price", "allocate", "over", "check",
    "personal", "label",
];

/// The fields of an entity or child.
pub(crate) fn fields(cx: &mut Cx<'_>, node: Option<&Node>, owner: &str) -> Named<Field> {
    cx.named(node, "fields", |cx, entry| {
        if words::ENGINE_COLUMNS.contains(&entry.key.as_str()) {
            let finding = Finding::error("SH3007", &entry.key_at, format!("`{}` is reserved", entry.key));
            cx.push(finding.help("choose another name; the engine keeps a column of this name itself"));
            return None;
        }
        field(cx, entry, owner)
    })
}

fn field(cx: &mut Cx<'_>, entry: &Entry, owner: &str) -> Option<Field> {
    let keys = cx.keys(&entry.value, &entry.key, "a field", &KEYS)?;
    let kind = kind(cx, keys, entry)?;
    let derived = derived(cx, keys, entry);
    let field = Field {
        at: entry.key_at.clone(),
        label: cx.label(keys, &entry.key),
        kind,
        required: cx.bool(keys, "required"),
        unique: cx.bool(keys, "unique"),
        default: cx.expr_at(keys, "default"),
        derived,
        check: cx.expr_at(keys, "check"),
        personal: cx.bool(keys, "personal"),
    };
    if field.derived.is_some() {
        for key in ["default", "required"] {
            if let Some(given) = keys.entry(key) {
                let message = format!("`{}` of `{owner}` is worked out by the engine and takes no `{key}`", entry.key);
                cx.push(Finding::error("SH3006", &given.key_at, message).help(format!("remove `{key}`")));
            }
        }
    }
    Some(field)
}

fn kind(cx: &mut Cx<'_>, keys: Keys<'_>, entry: &Entry) -> Option<FieldKind> {
    if let Some(node) = keys.get("ref") {
        return cx.text(node, "ref").map(reference);
    }
    let help = format!("add `type: text`, or one of {}", TYPES[1..].join(", "));
    let node = cx.need(keys, "type", &format!("field `{}`", entry.key), &entry.key_at, &help)?;
    let word = cx.text(node, "type")?;
    let kind = match word {
        "enum" => return values(cx, keys, entry),
        "range" => return range(cx, keys, entry),
        "ref" => {
            let owner = format!("reference `{}`", entry.key);
            let node = cx.need(keys, "to", &owner, &entry.key_at, "add `to: ENTITY`")?;
            return cx.text(node, "to").map(reference);
        }
        word => plain(word),
    };
    if kind.is_none() {
        let message = format!("`{word}` is not a type");
        let finding = Finding::error("SH3006", &node.at, message);
        let finding = match crate::finding::nearest(word, TYPES) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!("types are {}", TYPES.join(", "))),
        };
        cx.push(finding);
        return None;
    }
    for key in ["of", "to"] {
        if let Some(given) = keys.entry(key) {
            let message = format!("a field of type `{word}` takes no `{key}`");
            cx.push(Finding::error("SH3006", &given.key_at, message).help(format!("remove `{key}`")));
        }
    }
    kind
}

fn reference(entity: &str) -> FieldKind {
    if entity == "member" { FieldKind::Member } else { FieldKind::Ref(entity.to_owned()) }
}

/// The types that need no further word.
pub(crate) fn plain(word: &str) -> Option<FieldKind> {
    Some(match word {
        "text" => FieldKind::Text,
        "integer" => FieldKind::Integer,
        "decimal" => FieldKind::Decimal,
        "money" => FieldKind::Money,
        "currency" => FieldKind::Currency,
        "percent" => FieldKind::Percent,
        "date" => FieldKind::Date,
        "timestamp" => FieldKind::Timestamp,
        "bool" => FieldKind::Bool,
        "phone" => FieldKind::Phone,
        "email" => FieldKind::Email,
        "geo" => FieldKind::Geo,
        "json" => FieldKind::Json,
        "member" => FieldKind::Member,
        "file" => FieldKind::File,
        _ => return None,
    })
}

fn values(cx: &mut Cx<'_>, keys: Keys<'_>, entry: &Entry) -> Option<FieldKind> {
    let owner = format!("enum `{}`", entry.key);
    let node = cx.need(keys, "of", &owner, &entry.key_at, "add `of: [one, other]`")?;
    let values = cx.names(node, "of");
    if values.is_empty() {
        cx.push(Finding::error("SH3006", &node.at, format!("{owner} has no values")).help("write `of: [one, other]`"));
    }
    let mut seen = Vec::new();
    for (n, value) in values.iter().enumerate() {
        if seen.contains(&value) {
            let at = match &node.value {
                crate::yaml::Value::List(items) => items.get(n).map_or(&node.at, |item| &item.at),
                _ => &node.at,
            };
            cx.push(Finding::error("SH3003", at, format!("`{value}` stands twice")).help("keep one of the two"));
        }
        seen.push(value);
    }
    Some(FieldKind::Enum(values))
}

fn range(cx: &mut Cx<'_>, keys: Keys<'_>, entry: &Entry) -> Option<FieldKind> {
    let owner = format!("range `{}`", entry.key);
    let node = cx.need(keys, "of", &owner, &entry.key_at, "add `of: date` or `of: timestamp`")?;
    match cx.text(node, "of")? {
        "date" | "dates" => Some(FieldKind::Range(RangeOf::Dates)),
        "timestamp" | "timestamps" => Some(FieldKind::Range(RangeOf::Timestamps)),
        other => {
            let finding = Finding::error("SH3006", &node.at, format!("`{other}` is nothing a range runs over"));
            cx.push(finding.help("write `of: date` or `of: timestamp`"));
            None
        }
    }
}

fn derived(cx: &mut Cx<'_>, keys: Keys<'_>, entry: &Entry) -> Option<Derived> {
    let ways: Vec<&Entry> = ["computed", "rollup", "price", "allocate"].iter().filter_map(|key| keys.entry(key)).collect();
    if let [first, second, ..] = ways[..] {
        let message = format!("`{}` has both `{}` and `{}`", entry.key, first.key, second.key);
        cx.push(Finding::error("SH3006", &second.key_at, message).help("keep one of the two"));
    }
    for (key, with) in [("per", "rollup"), ("over", "allocate")] {
        if let (Some(given), None) = (keys.entry(key), keys.get(with)) {
            let message = format!("`{key}` stands without `{with}`");
            cx.push(Finding::error("SH3005", &given.key_at, message).help(format!("add `{with}`, or remove `{key}`")));
        }
    }
    let way = ways.first()?;
    Some(match way.key.as_str() {
        "computed" => Derived::Computed(cx.expr(&way.value, "computed")?),
        "rollup" => Derived::Rollup { expr: cx.expr(&way.value, "rollup")?, per: cx.names_at(keys, "per") },
        "price" => Derived::Priced { calculator: cx.text(&way.value, "price")?.to_owned() },
        _ => {
            let owner = format!("allocation `{}`", entry.key);
            let over = cx.need(keys, "over", &owner, &entry.key_at, "add `over: FIELD`, the field that weighs")?;
            let over = cx.text(over, "over")?.to_owned();
            Derived::Allocate { amount: cx.text(&way.value, "allocate")?.to_owned(), over }
        }
    })
}
