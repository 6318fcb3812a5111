//! From a definition to a request, and from an answer to what it means. Pure: [`prepare`] writes no byte and [`judge`]
//! reads none; [`Prepared::send`] is the only thing here that leaves.

mod ask;
mod encode;
mod judge;
mod prepare;
mod retry_after;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use statehouse_definition::model::Action;
use statehouse_fault::{Code, SH7002};

use crate::pattern::{self, Missing, Scope};
use crate::secrets::Secrets;

pub use ask::{Asked, judge_ask};
pub use judge::{Verdict, judge};
pub use prepare::{Prepared, prepare, prepare_ask};
pub use retry_after::{RETRY_AFTER_MAX, retry_after};

/// What a call is made of besides its definition.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The tenant it is made for, by its short name.
    pub tenant: &'a str,
    /// The arguments of the effect.
    pub args: &'a Map<String, Value>,
    /// The key of the effect, the same at every try; empty where nothing is to be done, only asked.
    pub key: &'a str,
    /// Where the provider may call back, if it may.
    pub callback: Option<&'a str>,
    /// Seconds since 1970.
    pub now: i64,
    /// Instead of the connector's own base.
    pub base: Option<&'a str>,
    /// What holes read as `setting.NAME`.
    pub settings: &'a BTreeMap<String, String>,
    /// What holes read as `secret.NAME`.
    pub secrets: &'a Secrets,
}

/// Why a call cannot be made. It names what is wrong and never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// The definition does not say how; it is only written down.
    #[error("`{0}` is not said in the definition")]
    Undefined(&'static str),
    /// A hole cannot be filled.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A header that is ours to write, or a value that cannot stand in one.
    #[error("the header `{0}` cannot be sent so")]
    Header(String),
    /// The address is none, or what stands in a hole would change it.
    #[error("the path of the request cannot be written")]
    Path,
}

impl Unready {
    /// The code under which it is told.
    pub fn code(&self) -> &'static Code {
        match self {
            Unready::Missing(missing) => missing.code(),
            _ => SH7002,
        }
    }
}

impl<'a> Given<'a> {
    /// What the holes of a request lead into.
    fn scope(&self, action: &Action) -> Result<Scope<'a>, Missing> {
        let settings: Map<String, Value> = self.settings.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let mut scope = Scope::new().with_all(self.args).own("setting", settings).with_secrets(self.secrets, self.tenant, self.now);
        if let Ok(now) = Timestamp::from_second(self.now) {
            scope = scope.own("now", now.to_string());
        }
        if !self.key.is_empty() {
            scope = scope.own("key", self.key).own("ref", encode::short(self.key));
        }
        if let Some(callback) = self.callback {
            scope = scope.own("callback", callback);
        }
        match self.text(action) {
            Some(text) => {
                let text = pattern::text(text, &scope)?;
                Ok(scope.own("text", text))
            }
            None => Ok(scope),
        }
    }

    /// The action's text in the language of the argument `lang`: `en-GB`, else `en`, else the first there is.
    fn text<'b>(&self, action: &'b Action) -> Option<&'b statehouse_definition::model::Pattern> {
        let lang = self.args.get("lang").and_then(Value::as_str).unwrap_or_default();
        let short = lang.split(['-', '_']).next().unwrap_or_default();
        action.text.get(lang).or_else(|| action.text.get(short)).or_else(|| action.text.values().next())
    }
}
