//! Asking an outside system for something: no effect, nothing that may not be done twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value};
use statehouse_connect::body;
use statehouse_connect::call::{self, Given};
use statehouse_connect::egress::{Answer, Fence};
use statehouse_connect::pattern::{self, Scope};
use statehouse_definition::model::Fetch;
use statehouse_fault::{Code, SH7002, SH7004, SH7005, SH7007, SH7122};

use crate::effects::seconds;
use crate::running::Installed;
use crate::shared::Shared;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It may be there later.
    Later {
        code: &'static Code,
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
    },
    /// The other side does not know it.
    NotThere,
    /// It cannot be asked for, or was refused.
    Never(&'static Code),
}

impl Unanswered {
    pub fn code(&self) -> &'static Code {
        match self {
            Unanswered::Later { code, .. } | Unanswered::Never(code) => code,
            Unanswered::NotThere => SH7122,
        }
    }
}

/// Makes the GET of `fetch` for one tenant, its arguments read from `scope`; the body of the answer.
pub(crate) async fn fetch(
    shared: &Shared,
    installed: &Installed,
    tenant: &str,
    fetch: &Fetch,
    scope: &Scope<'_>,
    now: SystemTime,
) -> Result<Value, Unanswered> {
    let connector = installed.app.connectors.get(&fetch.connector).ok_or(Unanswered::Never(SH7002))?;
    let action = connector.actions.get(&fetch.action).ok_or(Unanswered::Never(SH7002))?;
    let mut args = Map::new();
    for (name, pattern) in &fetch.args {
        match pattern::render(pattern, scope) {
            Ok(value) => _ = args.insert(name.clone(), value),
            Err(missing) if action.args.get(name).is_some_and(|arg| arg.required) => {
                tracing::warn!(connector = %fetch.connector, action = %fetch.action, argument = %name, %missing, "it cannot be asked for");
                return Err(Unanswered::Never(missing.code()));
            }
            Err(_) => {}
        }
    }
    let empty = BTreeMap::new();
    let outside = shared.outside.get(&fetch.connector);
    let secrets = shared.secrets.now();
    let given = Given {
        tenant,
        args: &args,
        key: "",
        callback: None,
        now: seconds(now),
        base: outside.map(|outside| outside.base.as_str()).filter(|base| !base.is_empty()),
        settings: outside.map_or(&empty, |outside| &outside.settings),
        secrets: &secrets,
    };
    let prepared = call::prepare(connector, action, &given).map_err(|why| {
        tracing::warn!(connector = %fetch.connector, action = %fetch.action, %why, "it cannot be asked for");
        // Somebody may put the secret or the setting in its place.
        Unanswered::Later { code: why.code(), after: None }
    })?;
    let _place = shared.asking.place(tenant, &fetch.connector).await.ok_or(Unanswered::Later { code: SH7005, after: None })?;
    let fence = Fence::at(Instant::now() + prepared.timeout);
    match prepared.send(&shared.client, fence).await {
        Ok(answer) => read(&answer, seconds(now)),
        Err(unsent) => Err(Unanswered::Later { code: unsent.code(), after: None }),
    }
}

fn read(answer: &Answer, now: i64) -> Result<Value, Unanswered> {
    match answer.status {
        200..=299 => body::read("application/json", &answer.body).map_err(|_| Unanswered::Later { code: SH7004, after: None }),
        404 | 410 => Err(Unanswered::NotThere),
        408 | 425 | 429 | 503 => Err(Unanswered::Later { code: SH7007, after: call::retry_after(&answer.headers, now) }),
        500..=599 => Err(Unanswered::Later { code: SH7005, after: None }),
        // Our credentials may be changed; nothing else of these heals.
        401 | 403 | 407 => Err(Unanswered::Later { code: SH7004, after: None }),
        _ => Err(Unanswered::Never(SH7004)),
    }
}
