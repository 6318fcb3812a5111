//! The typed model of an app: what a folder of definitions means once it has been read and checked.
//!
//! Every map keeps the order of the file, because the order of fields is the order of columns and the order of
//! verbs is the order in which a person reads them. Every expression carries the place it was written, so that a
//! complaint from Postgres can be shown under the author's own text.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::places::Places;

/// A map keyed by name, in the order of the file.
pub type Named<T> = IndexMap<String, T>;

/// A text per locale, e.g. `en` → "Add at least one line".
pub type Texts = IndexMap<String, String>;

/// Where something was written: file relative to the app folder, 1-based line and column, byte range in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// Path relative to the app folder, with forward slashes.
    pub file: Arc<str>,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// Byte offset of the first character in the file.
    pub offset: usize,
    /// Length in bytes of the text as written (quotes excluded).
    pub len: usize,
}

/// One SQL expression as the author wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expr {
    /// The author's text; never emitted: only its printed syntax tree is.
    pub text: String,
    /// Where it was written.
    pub at: Span,
}

/// A whole app.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct App {
    /// Identifier; also the name of its Postgres schema.
    pub name: String,
    /// What people call it.
    pub label: Texts,
    /// Declared locales; the first is the fallback.
    pub locales: Vec<String>,
    /// ISO 4217 code used where a record names no currency of its own.
    pub currency: String,
    /// IANA name, e.g. `Atlantic/Reykjavik`.
    pub time_zone: String,
    /// Capability keys with their labels.
    pub capabilities: Named<Texts>,
    /// Roles: presets of capabilities.
    pub roles: Named<Role>,
    /// Named sets of record ids that row rules may use: `client = any(my_clients())`.
    pub sets: Named<IdSet>,
    /// Entities by name.
    pub entities: Named<Entity>,
    /// Rule tables by name.
    pub tables: Named<RuleTable>,
    /// Line calculators by name.
    pub calculators: Named<Calculator>,
    /// Connectors by name; `do` names `connector.action`.
    pub connectors: Named<Connector>,
    /// Purposes of signed links by name: what a person without an account may do to one record.
    #[serde(default)]
    pub links: Named<Link>,
    /// Forms anybody may fill in, by name.
    #[serde(default)]
    pub forms: Named<Form>,
    /// Where every key and value of the files stands; empty in an app read back from the database.
    #[serde(skip)]
    pub places: Places,
}

/// Capabilities of the engine itself, known in every app without being declared there.
pub const ENGINE_CAPABILITIES: [&str; 6] =
    ["members.manage", "keys.manage", "rules.edit", "tenant.export", "tenant.erase", "tenant.suspend"];

impl App {
    /// Whether there is such a capability: one of the app's own or of the engine's.
    pub fn has_capability(&self, name: &str) -> bool {
        self.capabilities.contains_key(name) || ENGINE_CAPABILITIES.contains(&name)
    }
}

/// A role: a preset of capabilities, one schema of views.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// What people call it.
    pub label: Texts,
    /// Capabilities every holder has unless revoked.
    pub capabilities: Vec<String>,
    /// How somebody comes to hold it.
    #[serde(default)]
    pub by: Through,
}

/// How somebody comes to hold a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Through {
    /// By membership: a person with an account.
    #[default]
    Membership,
    /// `by: link`: whoever holds a signed link to one record.
    Link,
    /// `by: form`: anybody, for as long as one form takes.
    Form,
}

/// A purpose of signed links: `accept_quote` lets its holder see one order and fire these verbs on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    /// Where its name is written.
    pub at: Span,
    /// What people call it; the heading of its page.
    pub label: Texts,
    /// The entity whose record it leads to.
    pub entity: String,
    /// The role of its holder, declared `by: link`.
    pub role: String,
    /// Who may make one, of a record they see.
    pub by: Vec<Actor>,
    /// How long it holds at most.
    pub expires: Duration,
    /// How many moves it is good for; `None` leaves that to the verbs.
    pub uses: Option<u32>,
    /// What its holder may fire; the role may be able to more for another purpose.
    pub verbs: Vec<String>,
}

/// A form anybody may fill in: it makes one record and shows none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Form {
    /// Where its name is written.
    pub at: Span,
    /// What people call it; the heading of its page.
    pub label: Texts,
    /// The entity of the record it makes.
    pub entity: String,
    /// The role of whoever fills it in, declared `by: form`.
    pub role: String,
    /// Fields it takes, in the order in which they are asked.
    pub fields: Vec<String>,
    /// A field that people do not see and programs fill in; what comes with it filled is thrown away.
    pub honeypot: String,
    /// How often one address may send it.
    pub limit: Rate,
    /// How often everybody together may send it to one tenant.
    pub cap: Rate,
    /// What is said once it is sent.
    pub thanks: Texts,
}

/// `5 per hour`: so many in one hour of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In one of these: minutes, hours or days.
    pub per: Unit,
}

/// A set of ids of one entity that belongs to the actor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdSet {
    /// The entity whose ids these are.
    pub of: String,
    /// Boolean over that entity's fields; may use `actor()`.
    pub that: Expr,
}

/// A type of record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entity {
    /// Identifier; also the table's name.
    pub name: String,
    /// Where the file names it.
    pub at: Span,
    /// What people call one of them.
    pub label: Texts,
    /// e.g. `ORD-{number:6}`: a readable reference, counted per tenant.
    pub reference: Option<Reference>,
    /// Columns in the order of the file, without those the engine adds.
    pub fields: Named<Field>,
    /// Rows that live and die with the record, e.g. the lines of an order.
    pub children: Named<Child>,
    /// States in the order of the file; exactly one is initial.
    pub states: Named<State>,
    /// Verbs in the order of the file.
    pub transitions: Named<Transition>,
    /// What each role (or holder of a capability) sees and edits.
    pub access: Named<Access>,
    /// No two records may overlap: `exclude: { room: "=", during: "&&" }`.
    pub exclusions: Named<Exclusion>,
    /// Several fields unique together within the tenant.
    pub uniques: Named<Vec<String>>,
}

/// `ORD-{number:6}` split at its counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Text before the counter.
    pub prefix: String,
    /// Zero-padded width of the counter.
    pub width: usize,
    /// Text after the counter.
    pub suffix: String,
}

/// One column.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Field {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Its type.
    pub kind: FieldKind,
    /// Never null (a NOT NULL constraint).
    pub required: bool,
    /// Unique within the tenant.
    pub unique: bool,
    /// Value of a new record that names none.
    pub default: Option<Expr>,
    /// How the engine computes it; such a field is written by nobody.
    pub derived: Option<Derived>,
    /// Boolean that must hold whenever the field is not null, e.g. `quantity > 0`.
    pub check: Option<Expr>,
    /// Personal data of this subject: erased with it.
    pub personal: bool,
}

/// How a derived field gets its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Derived {
    /// An expression over the same row (and its parent, for a child).
    Computed(Expr),
    /// An aggregate over children, e.g. `sum(lines.net)`; with `per`, summed over groups of these child fields.
    Rollup {
        /// The aggregate, or with `per` the expression of one group.
        expr: Expr,
        /// Child fields to group by (`lines.vat_category`), empty for none.
        per: Vec<String>,
    },
    /// A named calculator gives it (child fields only): the calculator's step of the same name.
    Priced {
        /// Name of the calculator.
        calculator: String,
    },
    /// A share of a parent's amount by largest remainder, ties to the lowest position (child fields only).
    Allocate {
        /// Parent field that is shared out.
        amount: String,
        /// Child field that weighs.
        over: String,
    },
}

/// The type of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    /// `text`
    Text,
    /// `text` with a named CHECK over these values.
    Enum(Vec<String>),
    /// `bigint`
    Integer,
    /// `numeric`
    Decimal,
    /// `bigint` minor units of the record's currency.
    Money,
    /// `text`, three capitals.
    Currency,
    /// `numeric` between 0 and 100.
    Percent,
    /// `date`
    Date,
    /// `timestamptz`
    Timestamp,
    /// `daterange` or `tstzrange`
    Range(RangeOf),
    /// `boolean`
    Bool,
    /// `text` in E.164 form, e.g. `+3545551234`.
    Phone,
    /// `text` with one `@`.
    Email,
    /// `point` as (longitude, latitude) within bounds.
    Geo,
    /// `jsonb`
    Json,
    /// `uuid` of a record of this entity, same tenant.
    Ref(String),
    /// `uuid` of a member of the tenant.
    Member,
    /// `bytea` sha-256 of a stored blob.
    File,
}

/// What a range runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RangeOf {
    /// `daterange`
    Dates,
    /// `tstzrange`
    Timestamps,
}

/// Rows owned by a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Child {
    /// Where its name is written.
    pub at: Span,
    /// What people call one of them.
    pub label: Texts,
    /// Columns besides tenant, id, parent and position.
    pub fields: Named<Field>,
}

/// A state of the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Records begin here.
    pub initial: bool,
    /// Nothing leaves it.
    pub end: bool,
    /// A claim state: an outside call is in flight (LAW §7).
    pub claim: bool,
    /// Role that must act; `system` for none of the people.
    pub owner: Option<String>,
    /// How long it may wait.
    pub wait: Wait,
    /// Fields that may not be null here.
    pub required: Vec<String>,
}

/// How long a record may stay in a state (S9).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Wait {
    /// Final, initial-and-final or claim states: not stated.
    Unstated,
    /// `may_wait: forever`
    Forever,
    /// `within: 24 hours` with the verb to fire then.
    Within {
        /// The span of time.
        span: Duration,
        /// Verb fired by the timer: `then:` moves on, `late:` only tells somebody.
        verb: Option<String>,
    },
    /// `until: valid_until` (a timestamp field) with the verb to fire then.
    Until {
        /// A date or timestamp field.
        field: String,
        /// Verb fired by the timer.
        verb: Option<String>,
    },
}

/// A span of time as written (`24 hours`), printed as a Postgres interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duration {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: Unit,
}

/// Units of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Seconds => "second",
            Unit::Minutes => "minute",
            Unit::Hours => "hour",
            Unit::Days => "day",
            Unit::Weeks => "week",
        };
        write!(f, "{} {unit}{}", self.count, if self.count == 1 { "" } else { "s" })
    }
}

/// A named legal move.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transition {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// States it leaves.
    pub from: Vec<String>,
    /// State it enters; `None` stays where the record is.
    pub to: Option<String>,
    /// Who may fire it.
    pub by: Vec<Actor>,
    /// Fields the caller may hand in with the move; the flag says it must.
    pub input: Named<Input>,
    /// Named conditions in order.
    pub guards: Named<Guard>,
    /// Fields the move sets.
    pub set: Named<Expr>,
    /// Taken by the engine, in the same transaction, as soon as its guards hold.
    pub auto: bool,
    /// Verbs fired on children or related records.
    pub each: Vec<Cascade>,
    /// Ref field whose record is written first, so that a guard over a set of records cannot race.
    pub lock: Option<String>,
    /// Effects owed, in order.
    pub effects: Vec<Effect>,
}

/// Who may fire a verb.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Actor {
    /// A role of the app.
    Role(String),
    /// Anyone with the capability.
    Capability(String),
    /// The engine itself, by kind of session: `timer`, `connector` (also written `webhook`), `system`.
    Kind(Kind),
}

/// Kinds of actor that are not people and may stand in `by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A timer that came due.
    Timer,
    /// An outside system through a connector or inbox.
    Connector,
    /// The engine: `auto` and `each`.
    System,
}

impl Kind {
    /// The word used in sessions and in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Timer => "timer",
            Kind::Connector => "connector",
            Kind::System => "system",
        }
    }
}

/// A field the caller hands in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    /// The move is refused without it.
    pub required: bool,
}

/// A named condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Guard {
    /// Where its name is written.
    pub at: Span,
    /// Must be true; null refuses.
    pub that: Expr,
    /// What the person is told when it is not.
    pub otherwise: Texts,
}

/// Fire `verb` on each record of `of` that belongs to this one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cascade {
    /// Related entity.
    pub of: String,
    /// Its ref field that points here.
    pub through: String,
    /// Verb fired on each.
    pub verb: String,
    /// Only records in these states; empty for every state the verb leaves.
    pub only: Vec<String>,
}

/// Work owed to the outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Effect {
    /// Where it is written.
    pub at: Span,
    /// Connector name.
    pub connector: String,
    /// Action of the connector.
    pub action: String,
    /// Arguments: templates such as `{client.phone}` or plain text.
    pub args: Named<Template>,
}

/// A text with `{expression}` holes; a template that is one hole keeps the expression's type.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Template {
    /// Pieces in order.
    pub parts: Vec<Part>,
}

/// A piece of a template.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A value.
    Hole(Expr),
}

/// What a role sees and edits of one entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Access {
    /// Where the role is named.
    pub at: Span,
    /// The key is a capability, not a role.
    pub capability: bool,
    /// Which records.
    pub see: See,
    /// Only in these states; empty for all.
    pub only: Vec<String>,
    /// May create records.
    pub create: bool,
    /// Fields (or names of children) editable per state; `all` lists every field anyone may write.
    pub edit: Edit,
    /// Columns absent from this role's views: `commission`, `lines.cost`.
    pub hide: Vec<String>,
    /// Columns masked (null) while in these states: state → columns.
    pub hide_in: Named<Vec<String>>,
}

/// Which records a role sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum See {
    /// Every record of the tenant.
    All,
    /// None (capability entries that only edit).
    Nothing,
    /// One of the two indexable shapes.
    Rule(RowRule),
}

/// A row rule in one of the two shapes of LAW §2.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowRule {
    /// As written.
    pub expr: Expr,
    /// The column on the left.
    pub field: String,
    /// What it is compared with.
    pub with: RuleValue,
}

/// The right-hand side of a row rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RuleValue {
    /// `field = actor()`
    Actor,
    /// `field = any(set())`
    Set(String),
    /// `field = linked()`: the one record a link leads to
    Linked,
}

/// What a role may edit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Edit {
    /// Nothing.
    Nothing,
    /// Every writable field and child in every state that is not final.
    All,
    /// Per state: field and child names.
    ByState(Named<Vec<String>>),
}

/// A gist exclusion: column → operator (`=` or `&&`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exclusion {
    /// Columns with their operators.
    pub columns: Named<String>,
    /// Only records in these states; empty for all that are not final.
    pub only: Vec<String>,
}

/// A dated table of rules with provenance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleTable {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Columns that are matched exactly, in argument order.
    pub matches: Named<FieldKind>,
    /// `numeric` lower bounds of bands for `progressive(amount)`; names the match column that holds them.
    pub band: Option<String>,
    /// Columns that hold values: `fx.rate('EUR')`.
    pub values: Named<FieldKind>,
    /// Rows of the app itself; a tenant adds its own in the database.
    pub rows: Vec<RuleRow>,
}

/// One row of a rule table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleRow {
    /// Where it is written.
    pub at: Span,
    /// Match columns as text, typed by the table.
    pub matches: Named<String>,
    /// Value columns as text, typed by the table.
    pub values: Named<String>,
    /// First day it holds.
    pub valid_from: String,
    /// First day it no longer holds.
    pub valid_to: Option<String>,
    /// Market it holds for; `None` for the whole app.
    pub market: Option<String>,
    /// Where the figure comes from.
    pub source: String,
    /// Day somebody looked.
    pub checked_on: String,
}

/// Named steps per value of a child's discriminator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calculator {
    /// Where its name is written.
    pub at: Span,
    /// Entity.
    pub entity: String,
    /// Child of that entity.
    pub child: String,
    /// Enum field of the child that picks the steps.
    pub by: String,
    /// Parent field (a date) by which rule tables are read.
    pub on: String,
    /// Variant → step name → expression; a step may use earlier steps.
    pub variants: Named<Named<Expr>>,
}

/// An outside system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connector {
    /// Where its name is written.
    pub at: Span,
    /// What people call it.
    pub label: Texts,
    /// Bumped when the wire format changes; effects remember it.
    pub version: u32,
    /// What a crash or time-out means (LAW §7).
    pub class: Class,
    /// Action → argument names (flag: required).
    pub actions: Named<Named<Input>>,
}

/// What the provider gives us against doubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// Honours our idempotency key.
    K,
    /// Can be asked by our reference.
    Q,
    /// Neither.
    N,
}
