//! What a catalog holds: objects and their facts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Kind, ObjectId};

/// The facts of one object by name; those that begin with `_` are never compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Facts(pub BTreeMap<String, Value>);

impl Facts {
    /// The fact, `null` when there is none.
    #[must_use]
    pub fn get(&self, fact: &str) -> &Value {
        self.0.get(fact).unwrap_or(&Value::Null)
    }

    /// A text fact; numbers are printed, everything else is empty.
    #[must_use]
    pub fn text(&self, fact: &str) -> String {
        plain(self.get(fact))
    }

    /// A text fact that may be absent.
    #[must_use]
    pub fn option(&self, fact: &str) -> Option<&str> {
        self.get(fact).as_str()
    }

    /// A fact that is true.
    #[must_use]
    pub fn flag(&self, fact: &str) -> bool {
        self.get(fact).as_bool().unwrap_or(false)
    }

    /// A list of texts.
    #[must_use]
    pub fn list(&self, fact: &str) -> Vec<String> {
        self.get(fact).as_array().map(|items| items.iter().map(plain).collect()).unwrap_or_default()
    }

    /// Fact by fact, what is not the same in `other`.
    #[must_use]
    pub fn differing(&self, other: &Self) -> BTreeSet<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        names.into_iter().filter(|name| !name.starts_with('_') && self.get(name) != other.get(name)).cloned().collect()
    }

    /// The objects this one is made of or refers to.
    #[must_use]
    pub fn needs(&self) -> Vec<ObjectId> {
        let items = self.get("_needs").as_array().cloned().unwrap_or_default();
        items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// Everything of ours in one database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// By id, sorted.
    pub objects: BTreeMap<ObjectId, Facts>,
}

/// A catalog row that this build does not know how to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the catalog row of kind `{kind}` cannot be read")]
pub struct UnreadableRow {
    /// The row's first column.
    pub kind: String,
}

impl Snapshot {
    /// Takes in one row of [`super::CATALOG`].
    ///
    /// # Errors
    /// `UnreadableRow` when the kind is unknown or the facts are no JSON object.
    pub fn add(&mut self, kind: &str, schema: &str, name: &str, part: &str, facts: &str) -> Result<(), UnreadableRow> {
        let unreadable = || UnreadableRow { kind: kind.into() };
        let known: Kind = serde_json::from_value(json!(kind)).map_err(|_| unreadable())?;
        let facts: Facts = serde_json::from_str(facts).map_err(|_| unreadable())?;
        self.objects.insert(ObjectId::new(known, schema, name, part), facts);
        Ok(())
    }

    /// The facts of one object.
    #[must_use]
    pub fn get(&self, id: &ObjectId) -> Option<&Facts> {
        self.objects.get(id)
    }

    /// Sets what roles must be. Roles belong to the whole cluster, so a scratch database shows the live ones and
    /// cannot say what is wanted: the compiler says it, and this puts it in their place.
    pub fn expect_roles(&mut self, roles: &[RoleFacts]) {
        self.objects.retain(|id, _| !matches!(id.kind, Kind::Role | Kind::Membership));
        for role in roles {
            self.objects.insert(ObjectId::new(Kind::Role, "", &role.name, ""), role.facts());
            for group in &role.member_of {
                let facts = Facts(BTreeMap::from([("admin".into(), json!(false))]));
                self.objects.insert(ObjectId::new(Kind::Membership, "", group, &role.name), facts);
            }
        }
    }

    /// sha-256 in hex over everything that is compared. The passing of months is not in it: partitions count as the
    /// set of their security facts.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let mut partitions = BTreeSet::new();
        for (id, facts) in &self.objects {
            let compared: BTreeMap<_, _> = facts.0.iter().filter(|(fact, _)| !fact.starts_with('_')).collect();
            if id.kind == Kind::Partition {
                partitions.insert(json!([id.schema, compared]).to_string());
            } else {
                hash.update(json!([id, compared]).to_string());
                hash.update(b"\n");
            }
        }
        for partition in partitions {
            hash.update(partition);
            hash.update(b"\n");
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// In JSON a snapshot is a list of `[id, facts]`, because an id is no text.
impl Serialize for Snapshot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.objects)
    }
}

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(ObjectId, Facts)>::deserialize(deserializer)?;
        Ok(Self { objects: pairs.into_iter().collect() })
    }
}

/// What a role must be. Everything not named here is off: no role of ours is superuser, bypasses row security,
/// makes roles or databases, or replicates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleFacts {
    /// Its name.
    pub name: String,
    /// May log in.
    pub login: bool,
    /// Uses the rights of its groups without `set role`.
    pub inherit: bool,
    /// The one named exception: reads past row security.
    pub bypassrls: bool,
    /// The roles it is a member of.
    pub member_of: Vec<String>,
    /// `name=value` as in `pg_db_role_setting`.
    pub settings: Vec<String>,
    /// `comment on role`.
    pub comment: Option<String>,
}

impl RoleFacts {
    fn facts(&self) -> Facts {
        let mut settings = self.settings.clone();
        settings.sort();
        let value = json!({
            "login": self.login, "inherit": self.inherit, "bypassrls": self.bypassrls, "super": false, "createrole": false,
            "createdb": false, "replication": false, "limit": -1, "settings": settings, "comment": self.comment,
        });
        Facts(value.as_object().map(|facts| facts.clone().into_iter().collect()).unwrap_or_default())
    }
}
