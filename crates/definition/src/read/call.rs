//! `via`: a claiming transition is read as several ordinary ones, so that whatever holds for moves holds for them.

use indexmap::IndexMap;

use crate::finding::Finding;
use crate::model::{
    Access, Actor, App, Call, Effect, Expr, Field, FieldKind, Input, Kind, Named, Outcome, OutcomeKind, Pattern, Span, Texts, Through,
    Transition,
};
use crate::read::cx::{Cx, Keys};
use crate::read::entity::Known;
use crate::read::outcome_words;
use crate::read::pattern::{self, Scope};
use crate::read::transition::{self, actors};
use crate::read::wire;
use crate::yaml::{Entry, Node, Value};

/// Keys of a transition that mean something only beside `via`.
const WITH_VIA: [&str; 5] = ["call", "done", "failed", "unknown", "late_done"];

/// Where an outcome leads, and what it takes along.
struct Landing {
    at: Span,
    from: Vec<String>,
    to: String,
    label: Option<Texts>,
    keep: Named<Pattern>,
    set: Named<Expr>,
    effects: Vec<Effect>,
}

/// What is derived from a claiming transition.
pub(crate) struct Claimed {
    /// The claiming transition and its outcomes, in order.
    pub transitions: Vec<(String, Transition)>,
    /// The field that holds what a person went by, of a claiming one.
    pub evidence: Option<(String, Field)>,
}

/// A transition without `via` says nothing of calls.
pub(crate) fn plain(cx: &mut Cx<'_>, keys: Keys<'_>) {
    for entry in WITH_VIA.iter().filter_map(|key| keys.entry(key)) {
        let finding =
            Finding::error("SH3058", &entry.key_at, format!("`{}` is said of a transition that claims, and this has no `via`", entry.key));
        cx.push(finding.help("add `via: STATE`, a state with `claim: true`"));
    }
}

/// The moves of a transition with `via`; `base` is what it has of an ordinary one.
pub(crate) fn claimed(cx: &mut Cx<'_>, entry: &Entry, keys: Keys<'_>, known: &Known<'_>, base: Transition) -> Option<Claimed> {
    let verb = entry.key.as_str();
    let owner = format!("transition `{verb}`");
    for key in ["to", "do"] {
        if let Some(other) = keys.entry(key) {
            let finding = Finding::error("SH3058", &other.key_at, format!("`{verb}` has `via` and `{key}`"));
            cx.push(finding.help(match key {
                "to" => "leave it out: `via` is where it leads, `done` and `failed` are where it goes on",
                _ => "write it under `done`, `failed` or `late_done`: what is owed is born when the outcome is known",
            }));
        }
    }
    let via = cx.text(keys.get("via")?, "via")?.to_owned();
    let call = cx.need(keys, "call", &owner, &entry.key_at, "add `call: { connector.action: { … } }`");
    let done = cx.need(keys, "done", &owner, &entry.key_at, "add `done: STATE`, where it leads once it was done");
    let failed = cx.need(keys, "failed", &owner, &entry.key_at, "add `failed: STATE`, where it leads if it was refused");
    let unknown = cx.need(
        keys,
        "unknown",
        &owner,
        &entry.key_at,
        "add `unknown: { within: 10 minutes, by: [ROLE] }`, who says what happened if nobody can tell",
    );
    let effect = call.and_then(|node| one_call(cx, node));
    let done = done.and_then(|node| landing(cx, node, "done", "done", &owner));
    let failed = failed.and_then(|node| landing(cx, node, "failed", "failed", &owner));
    let late = keys.get("late_done").and_then(|node| landing(cx, node, "late_done", "late_done", &owner));
    let unknown = unknown.and_then(|node| self::unknown(cx, node, known));
    let (effect, done, failed, (within, by, unknown_label)) = (effect?, done?, failed?, unknown?);
    let evidence = format!("{verb}_evidence");
    let call = Call {
        at: effect.at.clone(),
        via: via.clone(),
        done: done.to.clone(),
        failed: failed.to.clone(),
        within,
        by: by.clone(),
        evidence: evidence.clone(),
        late: late.is_some(),
    };
    let field = evidence_field(&evidence, &base);
    let family = Family { verb, base: &base, via: &via, people: &by, evidence: &evidence };
    let mut all = vec![
        family.landed(OutcomeKind::Done, &done),
        family.landed(OutcomeKind::Failed, &failed),
        family.stays(unknown_label),
        family.landed(OutcomeKind::ResolveDone, &done),
        family.landed(OutcomeKind::ResolveFailed, &failed),
    ];
    if let Some(mut late) = late {
        if late.from.is_empty() {
            late.from.push(failed.to.clone());
        }
        // What it kept had it been told in time is kept late too.
        if late.keep.is_empty() {
            late.keep.clone_from(&done.keep);
        }
        all.push(family.landed(OutcomeKind::LateDone, &late));
    }
    let claiming = Transition { to: Some(via.clone()), effects: vec![effect], call: Some(call), ..base.clone() };
    let transitions = std::iter::once((verb.to_owned(), claiming)).chain(all).collect();
    Some(Claimed { transitions, evidence: Some((evidence, field)) })
}

fn one_call(cx: &mut Cx<'_>, node: &Node) -> Option<Effect> {
    if let Value::Scalar { text, .. } = &node.value {
        return transition::named_effect(cx, text, node, IndexMap::new());
    }
    let entry = cx.only(node, "call", "actions", "write `call: { connector.action: { … } }`")?;
    transition::effect(cx, entry)
}

/// `done: confirmed`, or with what is kept: `done: { to: confirmed, keep: { payment_ref: "{payment}" } }`.
fn landing(cx: &mut Cx<'_>, node: &Node, key: &str, name: &str, owner: &str) -> Option<Landing> {
    if let Value::Scalar { text, .. } = &node.value {
        let (keep, set) = (IndexMap::new(), IndexMap::new());
        return Some(Landing { at: node.at.clone(), from: Vec::new(), to: text.clone(), label: None, keep, set, effects: Vec::new() });
    }
    let known: &[&str] =
        if key == "late_done" { &["from", "to", "label", "keep", "set", "do"] } else { &["to", "label", "keep", "set", "do"] };
    let keys = cx.keys(node, key, &format!("`{key}`"), known)?;
    let to = cx.need(keys, "to", &format!("`{name}` of {owner}"), &node.at, "add `to: STATE`")?;
    // Any key may be one of the action's result, which is declared by the connector.
    let scope = Scope::any();
    Some(Landing {
        at: node.at.clone(),
        from: cx.names_at(keys, "from"),
        to: cx.text(to, "to")?.to_owned(),
        label: keys.get("label").map(|node| cx.texts(node, "label", &format!("the label of `{key}`"), true)),
        keep: pattern::named(cx, keys.get("keep"), "keep", &scope),
        set: cx.named(keys.get("set"), "set", |cx, entry| cx.expr(&entry.value, &entry.key)),
        effects: transition::effects(cx, keys),
    })
}

type Unknown = (crate::model::Duration, Vec<Actor>, Option<Texts>);

fn unknown(cx: &mut Cx<'_>, node: &Node, known: &Known<'_>) -> Option<Unknown> {
    let keys = cx.keys(node, "unknown", "`unknown`", &["within", "by", "label"])?;
    let within = cx.need(keys, "within", "`unknown`", &node.at, "add `within: 10 minutes`, how long is asked before a person is");
    let by = cx.need(keys, "by", "`unknown`", &node.at, "add `by: [ROLE]`, who may say what happened");
    let label = keys.get("label").map(|node| cx.texts(node, "label", "the label of `unknown`", true));
    let (within, by) = (wire::span(cx, within?, "within"), actors(cx, by?, known));
    Some((within?, by, label))
}

/// The field that a person who resolves must fill in; the author's own of this name takes its place.
fn evidence_field(name: &str, base: &Transition) -> Field {
    Field {
        at: base.at.clone(),
        label: base.label.iter().map(|(locale, label)| (locale.clone(), outcome_words::evidence(locale, label))).collect(),
        kind: FieldKind::Text,
        required: false,
        unique: false,
        default: None,
        derived: None,
        check: Some(Expr { text: format!("length(btrim({name})) >= 3"), at: base.at.clone() }),
        personal: false,
    }
}

/// What the outcomes of one claiming transition share.
struct Family<'a> {
    verb: &'a str,
    base: &'a Transition,
    via: &'a str,
    people: &'a [Actor],
    evidence: &'a str,
}

impl Family<'_> {
    fn landed(&self, kind: OutcomeKind, landing: &Landing) -> (String, Transition) {
        let from = if kind == OutcomeKind::LateDone { landing.from.clone() } else { vec![self.via.to_owned()] };
        let mut input: Named<Input> = landing.keep.keys().map(|field| (field.clone(), Input { required: false })).collect();
        let mut by = Vec::new();
        if !matches!(kind, OutcomeKind::ResolveDone | OutcomeKind::ResolveFailed) {
            by.push(Actor::Kind(Kind::Connector));
        }
        if !matches!(kind, OutcomeKind::Done | OutcomeKind::Failed) {
            by.extend_from_slice(self.people);
            input.insert(self.evidence.to_owned(), Input { required: kind != OutcomeKind::LateDone });
        }
        // A person's word on what happened has a text of its own.
        let label = landing.label.as_ref().filter(|_| !matches!(kind, OutcomeKind::ResolveDone | OutcomeKind::ResolveFailed));
        let one = Transition {
            at: landing.at.clone(),
            label: label.cloned().unwrap_or_else(|| self.label(kind)),
            from,
            to: Some(landing.to.clone()),
            by,
            input,
            set: landing.set.clone(),
            effects: landing.effects.clone(),
            outcome: Some(Outcome { of: self.verb.to_owned(), kind, keep: landing.keep.clone() }),
            ..self.bare()
        };
        (Call::verb(self.verb, kind), one)
    }

    fn stays(&self, label: Option<Texts>) -> (String, Transition) {
        let kind = OutcomeKind::Unknown;
        let one = Transition {
            label: label.unwrap_or_else(|| self.label(kind)),
            from: vec![self.via.to_owned()],
            by: vec![Actor::Kind(Kind::Connector)],
            outcome: Some(Outcome { of: self.verb.to_owned(), kind, keep: IndexMap::new() }),
            ..self.bare()
        };
        (Call::verb(self.verb, kind), one)
    }

    fn label(&self, kind: OutcomeKind) -> Texts {
        self.base.label.iter().map(|(locale, label)| (locale.clone(), outcome_words::label(kind, locale, label))).collect()
    }

    fn bare(&self) -> Transition {
        Transition {
            at: self.base.at.clone(),
            label: Texts::new(),
            from: Vec::new(),
            to: None,
            by: Vec::new(),
            input: IndexMap::new(),
            guards: IndexMap::new(),
            set: IndexMap::new(),
            auto: false,
            each: Vec::new(),
            lock: None,
            effects: Vec::new(),
            call: None,
            outcome: None,
        }
    }
}

/// What a person went by is for those who may resolve; a role that may not does not see it, unless the author declared
/// the field.
pub(crate) fn hide_evidence(app: &mut App) {
    let (roles, places) = (&app.roles, &app.places);
    for entity in app.entities.values_mut() {
        let calls: Vec<Call> = entity.transitions.values().filter_map(|one| one.call.clone()).collect();
        for call in calls {
            if places.has(&format!("entity/{}/fields/{}", entity.name, call.evidence)) {
                continue;
            }
            let resolves = |role: &str| {
                call.by.iter().any(|actor| match actor {
                    Actor::Role(name) => name == role,
                    Actor::Capability(capability) => {
                        let holds = |name: &str| roles.get(name).is_some_and(|one| one.capabilities.contains(capability));
                        // One that no role holds is given to members one by one.
                        holds(role)
                            || (!roles.keys().any(|name| holds(name)) && roles.get(role).is_some_and(|one| one.by == Through::Membership))
                    }
                    Actor::Kind(_) => false,
                })
            };
            let others = entity.access.iter_mut().filter(|(who, access)| !access.capability && !resolves(who));
            others.for_each(|(_, access): (_, &mut Access)| access.hide.push(call.evidence.clone()));
        }
    }
}
