//! The move tried as a member, in a transaction that is undone.

use serde_json::Value;
use statehouse_definition::model::{Actor, App, Entity, Transition};
use statehouse_definition::quoted_list;
use statehouse_fault::{Fault, SH1001, SH4001};
use tokio_postgres::{Client, Row, Transaction};

use super::answer::{Answer, Check, Outcome, Person, Verdict};
use super::values::{self, Seen};
use crate::StoreFault;
use crate::record::{Target, view};

/// Who would fire it.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A member by e-mail or id; the tenant where there is more than one.
    Member {
        /// E-mail, name or id.
        member: &'a str,
        /// The tenant's slug.
        tenant: Option<&'a str>,
    },
    /// Whoever holds this API key.
    Key(&'a str),
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The app as it is applied.
    pub app: &'a App,
    /// The entity's name.
    pub entity: &'a str,
    /// The record.
    pub record: Target<'a>,
    /// The verb.
    pub verb: &'a str,
    /// What it would be handed.
    pub input: Option<&'a Value>,
    /// Who would fire it.
    pub who: Who<'a>,
}

struct Member {
    person: Person,
    tenant: i32,
    capabilities: Vec<String>,
}

/// Answers whether a member may fire a verb now, and why not. Nothing stays behind: the session that is lent and the
/// move are one transaction, and it is rolled back.
///
/// # Errors
/// `SH1003` and `SH4001` for an entity or verb the app does not have, `SH1001` when no or more than one member is meant,
/// `SH2003` for a key that is not accepted, and faults of storage. A refused move is an answer.
pub async fn explain(admin: &mut Client, question: Question<'_>) -> Result<Answer, StoreFault> {
    let (entity, transition) = named(question)?;
    let transaction = admin.transaction().await?;
    let member = lend(&transaction, question).await?;
    transaction.batch_execute("set local role statehouse_api").await.map_err(StoreFault::doing("becoming `statehouse_api`"))?;
    let (by, which) = match question.record {
        Target::Id(id) => ("id", id.to_string()),
        Target::Reference(reference) => ("reference", reference.to_owned()),
    };
    let through = view(&question.app.name, &member.person.role, question.entity);
    let row = match entity.access.contains_key(&member.person.role) {
        true => values::row(&transaction, &through, by, &which).await?,
        false => None,
    };
    let mut answer = Answer {
        record: which.clone(),
        verb: question.verb.to_owned(),
        who: member.person.clone(),
        outcome: Outcome::Unseen,
        checks: vec![Check::new(
            row.is_some(),
            "visible",
            if row.is_some() { "the record is in this member's view" } else { "no such record in this member's view" },
        )],
        who_can: Vec::new(),
    };
    if let Some(row) = row {
        let seen = Seen { app: question.app, entity, role: &member.person.role, row };
        answer.checks.extend([state(&seen, transition), role(&member, transition)]);
        answer.outcome = attempt(&transaction, question, &through, by, &which).await?;
        judge(&transaction, &seen, transition, &mut answer).await?;
    }
    transaction.batch_execute("reset role").await?;
    answer.who_can = who_can(&transaction, question.app, transition, member.tenant).await?;
    transaction.rollback().await?;
    Ok(answer)
}

fn named(question: Question<'_>) -> Result<(&Entity, &Transition), StoreFault> {
    let entity = crate::definition::entity(question.app, question.entity)?;
    let transition = entity.transitions.get(question.verb);
    let transition = transition.ok_or_else(|| {
        let near = statehouse_definition::nearest(question.verb, entity.transitions.keys().map(String::as_str));
        let fault = Fault::new(SH4001, format!("`{}` has no verb `{}`", question.entity, question.verb));
        near.map_or_else(|| fault.clone(), |near| fault.clone().with_help(format!("did you mean `{near}`")))
    })?;
    Ok((entity, transition))
}

/// A session for the member, in this transaction alone.
async fn lend(transaction: &Transaction<'_>, question: Question<'_>) -> Result<Member, StoreFault> {
    let app = &question.app.name;
    if let Who::Key(key) = question.who {
        transaction.execute(include_str!("../../queries/session_enter.sql"), &[&key]).await.map_err(StoreFault::doing("entering"))?;
        let row = transaction.query_one(include_str!("../../queries/session_person.sql"), &[]).await?;
        return Ok(read(&row));
    }
    let Who::Member { member, tenant } = question.who else { unreachable!("the other kind returned") };
    let found = transaction.query(include_str!("../../queries/membership_find.sql"), &[app, &member, &tenant]).await?;
    let [one] = found.as_slice() else {
        let detail = match found.len() {
            0 => format!("`{member}` is no member of `{app}`"),
            _ => format!("`{member}` is meant in {}", quoted_list(found.iter().map(|row| row.get::<_, String>("tenant_slug")))),
        };
        return Err(Fault::new(SH1001, detail)
            .with_help("name a member by e-mail, and the tenant with `--tenant` where there are several")
            .into());
    };
    let token = crate::secret::secret()?;
    transaction
        .execute(
            include_str!("../../queries/session_lend.sql"),
            &[&token, &one.get::<_, i32>("tenant"), &one.get::<_, uuid::Uuid>("member"), app],
        )
        .await?;
    transaction.execute(include_str!("../../queries/session_set.sql"), &[&token, &""]).await?;
    let row = transaction.query_one(include_str!("../../queries/session_person.sql"), &[]).await?;
    Ok(read(&row))
}

fn read(row: &Row) -> Member {
    Member {
        person: Person { name: row.get("name"), role: row.get("role"), tenant: row.get("tenant_slug") },
        tenant: row.get("tenant"),
        capabilities: row.get("capabilities"),
    }
}

fn state(seen: &Seen<'_>, transition: &Transition) -> Check {
    let state = seen.row.get("state").map(values::plain).unwrap_or_default();
    let open = transition.from.contains(&state);
    let detail = if open { format!("is {state}") } else { format!("is {state}, the verb leaves {}", transition.from.join(", ")) };
    Check::new(open, "state", detail)
}

fn role(member: &Member, transition: &Transition) -> Check {
    let may = transition.by.iter().any(|by| match by {
        Actor::Role(role) => *role == member.person.role,
        Actor::Capability(capability) => member.capabilities.contains(capability),
        Actor::Kind(_) => false,
    });
    let role = &member.person.role;
    let detail = if may { format!("{role} may fire it") } else { format!("{role} may not; it is for {}", actors(transition)) };
    Check::new(may, "role", detail)
}

fn actors(transition: &Transition) -> String {
    let names = transition.by.iter().map(|by| match by {
        Actor::Role(name) => name.clone(),
        Actor::Capability(name) => format!("holders of {name}"),
        Actor::Kind(kind) => kind.name().to_owned(),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Fires it and takes it back.
async fn attempt(
    transaction: &Transaction<'_>,
    question: Question<'_>,
    through: &str,
    by: &str,
    which: &str,
) -> Result<Outcome, StoreFault> {
    let text = format!("update {through} set fire = $2, input = $3 where {by}::text = $1 returning state");
    transaction.batch_execute("savepoint attempt").await?;
    let tried = transaction.query_opt(&text, &[&which, &question.verb, &question.input]).await;
    transaction.batch_execute("rollback to savepoint attempt").await?;
    match tried {
        Ok(Some(row)) => Ok(Outcome::Open(row.get(0))),
        Ok(None) => Ok(Outcome::Unseen),
        Err(cause) if cause.as_db_error().is_some() => Ok(Outcome::Refused(StoreFault::from(cause).fault())),
        Err(cause) => Err(cause.into()),
    }
}

/// What the law said of each guard, and of anything else it refused by.
async fn judge(transaction: &Transaction<'_>, seen: &Seen<'_>, transition: &Transition, answer: &mut Answer) -> Result<(), StoreFault> {
    let code = match &answer.outcome {
        Outcome::Refused(fault) => Some(fault.code.code),
        _ => None,
    };
    // What is judged before the guards; see the order of judgment.
    let reached = !matches!(code, Some("SH4001" | "SH4002" | "SH4003" | "SH4005" | "SH4009" | "SH4012"));
    let mut guards = Vec::new();
    for (name, guard) in &transition.guards {
        let values = seen.values(transaction, guard).await?;
        let refused = match &answer.outcome {
            Outcome::Refused(fault) => fault.refused_by.iter().find(|refused| refused.guard == *name),
            _ => None,
        };
        let detail = match refused {
            Some(refused) if values.is_empty() => refused.message.clone(),
            Some(refused) => format!("{}: {values}", refused.message),
            None => values,
        };
        let verdict = if !reached {
            Verdict::NotReached
        } else if refused.is_some() {
            Verdict::Fail
        } else {
            Verdict::Ok
        };
        guards.push(Check { verdict, name: name.clone(), detail });
    }
    if let Outcome::Refused(fault) = &answer.outcome
        && !matches!(fault.code.code, "SH4002" | "SH4003" | "SH4004")
    {
        let at = if reached { guards.len() } else { 0 };
        guards.insert(at, Check::new(false, fault.code.code, fault.detail.clone()));
    }
    answer.checks.extend(guards);
    Ok(())
}

/// Members of the tenant whose role or capability is named; the guards and the row rules are theirs to meet.
async fn who_can(transaction: &Transaction<'_>, app: &App, transition: &Transition, tenant: i32) -> Result<Vec<String>, StoreFault> {
    let (mut roles, mut capabilities, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for by in &transition.by {
        match by {
            Actor::Role(name) => roles.push(name.clone()),
            Actor::Capability(name) => capabilities.push(name.clone()),
            Actor::Kind(kind) => others.push(kind.name().to_owned()),
        }
    }
    let rows = transaction.query(include_str!("../../queries/membership_able.sql"), &[&app.name, &tenant, &roles, &capabilities]).await?;
    let people = rows.iter().map(|row| format!("{} ({})", row.get::<_, String>(0), row.get::<_, String>(1)));
    Ok(people.chain(others.into_iter().map(|kind| format!("the {kind}"))).collect())
}
