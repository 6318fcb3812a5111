//! Two tenants, a member for every role (and a second one, for what is somebody else's), their keys, and connections that act as them.

use statehouse_definition::App;
use statehouse_definition::model::Through;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::asker::literal;
use crate::database::TestDatabase;
use crate::psql::{PsqlRun, Verbosity};

/// A tenant of every template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its number in the database.
    pub number: i32,
    /// Its short name.
    pub slug: &'static str,
    market: &'static str,
}

/// The first tenant.
pub const NORDUR: Tenant = Tenant { number: 1, slug: "nordur", market: "IS" };
/// The second tenant; nothing of the first may reach it.
pub const BALTYK: Tenant = Tenant { number: 2, slug: "baltyk", market: "PL" };

const API: &str = "statehouse_api";
const WORKER: &str = "statehouse_worker";

/// Somebody who asks: a member in one role of one tenant, or the engine itself as one of its kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    /// Whose records.
    pub tenant: Tenant,
    /// The login role of the connection.
    pub login: &'static str,
    /// The schema of views.
    pub schema: String,
    /// The API key, or nothing for the engine.
    pub key: Option<String>,
    /// `client`, `rep` …, or `timer`, `connector`, `system`, `import`.
    pub title: String,
    app: String,
    nth: u8,
}

impl Persona {
    /// The member of `tenant` who holds `role`.
    #[must_use]
    pub fn member(app: &str, tenant: Tenant, role: &str) -> Self {
        Self::nth(app, tenant, role, 1)
    }

    /// Another member with the same role.
    #[must_use]
    pub fn second(app: &str, tenant: Tenant, role: &str) -> Self {
        Self::nth(app, tenant, role, 2)
    }

    /// The engine acting in `tenant` as a `timer`, `connector`, `system` or `import`.
    #[must_use]
    pub fn engine(app: &str, tenant: Tenant, kind: &str) -> Self {
        Self { tenant, login: WORKER, schema: format!("{app}_system"), key: None, title: kind.into(), app: app.into(), nth: 0 }
    }

    /// A member by role, the engine by kind.
    #[must_use]
    pub fn named(app: &str, tenant: Tenant, title: &str) -> Self {
        match title {
            "timer" | "connector" | "system" | "import" => Self::engine(app, tenant, title),
            role => Self::member(app, tenant, role),
        }
    }

    /// The member's id; the engine's is zero.
    #[must_use]
    pub fn id(&self) -> String {
        if self.key.is_none() {
            return "00000000-0000-0000-0000-000000000000".into();
        }
        // FNV-1a: the same id in every process, without a registry of ids.
        let hash = format!("{}/{}", self.title, self.nth)
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("00000000-0000-7000-8000-{:02x}{:010x}", self.tenant.number, hash & 0xff_ffff_ffff)
    }

    /// The statement that begins a session.
    #[must_use]
    pub fn enter(&self) -> String {
        match &self.key {
            Some(key) => format!("select statehouse.enter({})", literal(key)),
            None => format!("select statehouse.enter_as({}, {}, {})", literal(&self.title), self.tenant.number, literal(&self.app)),
        }
    }

    fn nth(app: &str, tenant: Tenant, role: &str, nth: u8) -> Self {
        Self {
            tenant,
            login: API,
            schema: format!("{app}_{role}"),
            key: Some(format!("key-{app}-{}-{role}-{nth}", tenant.slug)),
            title: role.into(),
            app: app.into(),
            nth,
        }
    }
}

impl TestDatabase {
    /// A connection on which `persona` has entered, inside a tokio runtime.
    ///
    /// # Panics
    /// Unless the server agrees about who asks, by login role and by session.
    pub async fn as_persona(&self, persona: &Persona) -> Client {
        let client = self.connect(persona.login).await;
        let who = format!(
            "{}; select (statehouse.ctx()).tenant || ' ' || (statehouse.ctx()).actor || ' ' || case (statehouse.ctx()).role when 'system' then (statehouse.ctx()).kind else (statehouse.ctx()).role end",
            persona.enter()
        );
        let answer = client.simple_query(&who).await.unwrap_or_else(|cause| panic!("{persona:?} could not enter: {cause:?}"));
        let said = answer.iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        let meant = format!("{} {} {}", persona.tenant.number, persona.id(), persona.title);
        assert_eq!(said.as_deref(), Some(meant.as_str()), "somebody else entered");
        client
    }

    /// Runs `script` by psql after `persona` has entered.
    ///
    /// # Panics
    /// Unless the session is the persona's login role, unprivileged.
    #[must_use]
    #[track_caller]
    pub fn psql_as(&self, persona: &Persona, script: &str) -> PsqlRun {
        let entered = format!("\\set QUIET on\n\\o /dev/null\n{};\n\\o\n\\set QUIET off\n{script}", persona.enter());
        self.psql_with(persona.login, Verbosity::Verbose, &entered)
    }

    /// The bare output of one statement as `persona`: rows as lines, columns split by `|`.
    ///
    /// # Panics
    /// Unless it succeeds.
    #[must_use]
    #[track_caller]
    pub fn value_as(&self, persona: &Persona, statement: &str) -> String {
        let script = format!("\\set QUIET on\n\\t on\n\\a\n{statement}\n;\n");
        self.psql_as(persona, &script).ok().trim_end_matches('\n').to_owned()
    }
}

/// Writes both tenants, their members and their keys, as the superuser.
///
/// # Panics
/// When the database refuses.
pub fn seed(db: &TestDatabase, app: &App) {
    let mut script = String::from("\\set ON_ERROR_STOP on\n");
    for tenant in [NORDUR, BALTYK] {
        script.push_str(&format!(
            "insert into statehouse.tenant (slug, name, market) values ({0}, initcap({0}), {1});\n",
            literal(tenant.slug),
            literal(tenant.market)
        ));
        for (role, _) in app.roles.iter().filter(|(_, role)| role.by == Through::Membership) {
            for nth in [1, 2] {
                let persona = Persona::nth(&app.name, tenant, role, nth);
                let key = persona.key.as_deref().unwrap_or_default();
                script.push_str(&format!(
                    "insert into statehouse.member (member, name) values ({id}, {name});\n\
                     insert into statehouse.membership (tenant, member, app, role) values ({tenant}, {id}, {app}, {role});\n\
                     insert into statehouse.api_key (key_hash, tenant, member, app, label) values (sha256(convert_to({key}, 'UTF8')), {tenant}, {id}, {app}, 'test');\n",
                    id = literal(&persona.id()),
                    name = literal(&format!("{role} {nth} of {}", tenant.slug)),
                    tenant = tenant.number,
                    app = literal(&app.name),
                    role = literal(role),
                    key = literal(key),
                ));
            }
        }
    }
    db.psql_as_superuser(&script).ok();
    let numbers = db.value_as_superuser("select string_agg(tenant || slug, ' ' order by tenant) from statehouse.tenant");
    assert_eq!(numbers, "1nordur 2baltyk");
}
