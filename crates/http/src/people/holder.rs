//! A caller who holds a capability, found out before the body is looked at.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::Value;
use statehouse_fault::SH6505;
use statehouse_store::people::members;

use crate::{Caller, Problem, Shared};

/// A capability a route asks for.
pub(crate) trait Capability: Send + Sync {
    /// Its name.
    const NAME: &'static str;
}

/// `members.manage`.
#[derive(Debug)]
pub(crate) struct ManagesMembers;

/// `rules.edit`.
#[derive(Debug)]
pub(crate) struct EditsRules;

/// `outside.manage`.
#[derive(Debug)]
pub(crate) struct ManagesOutside;

impl Capability for ManagesOutside {
    const NAME: &'static str = "outside.manage";
}

impl Capability for ManagesMembers {
    const NAME: &'static str = "members.manage";
}

impl Capability for EditsRules {
    const NAME: &'static str = "rules.edit";
}

/// A caller who holds `C`. The door asks again; here it is so that nobody else learns anything by their body.
#[derive(Debug)]
pub(crate) struct Holder<C> {
    /// The caller.
    pub caller: Caller,
    of: PhantomData<C>,
}

impl<C: Capability> FromRequestParts<Arc<Shared>> for Holder<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Holder<C>, Problem> {
        let caller = Caller::from_request_parts(parts, shared).await?;
        let me = caller.ask(|db, session| async move { members::me(&db, &session).await }).await?;
        let held = me["capabilities"].as_array().is_some_and(|held| held.iter().any(|one| one == &Value::from(C::NAME)));
        if !held {
            let problem = Problem::new(SH6505, format!("you do not hold `{}`", C::NAME));
            return Err(problem.with_help(format!("ask a member who holds `{}`", C::NAME)));
        }
        Ok(Holder { caller, of: PhantomData })
    }
}
