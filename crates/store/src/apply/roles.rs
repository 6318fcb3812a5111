//! What the roles must be. Roles belong to the whole cluster, so no scratch database can say it.

use statehouse_compile::entity::{eye, roles_of};
use statehouse_compile::plan::RoleFacts;
use statehouse_definition::App;

/// The engine's own roles: name, whether it logs in, its comment. The same list as the engine's first file; a test
/// applies to an empty cluster and plans again, which finds any difference.
const ENGINE: [(&str, bool, &str); 7] = [
    ("statehouse_owner", false, "Owns everything Statehouse makes; bound by forced row-level security"),
    ("statehouse_api", true, "What any client uses: psql, an ORM, the server"),
    ("statehouse_agent", true, "A model: sees what its session sees and may only propose"),
    ("statehouse_worker", true, "Timers, connectors and the engine itself"),
    ("statehouse_read", true, "Reports: the same views, read only"),
    ("statehouse_server", true, "The server itself: reads the definition in force, opens sessions for people it has verified"),
    ("statehouse_backup", false, "The one exception to row-level security; read only, enabled when needed"),
];

/// Every role of the engine and of the app.
pub(super) fn expected(app: &App) -> Vec<RoleFacts> {
    let engine = ENGINE.iter().map(|(name, login, comment)| RoleFacts {
        name: (*name).to_owned(),
        login: *login,
        bypassrls: *name == "statehouse_backup",
        comment: Some((*comment).to_owned()),
        ..RoleFacts::default()
    });
    let eyes = roles_of(app).into_iter().map(|role| RoleFacts {
        name: eye(app, &role),
        comment: Some(format!("Owns the views of {role} in {}; row-level security is judged as this role", app.name)),
        ..RoleFacts::default()
    });
    engine.chain(eyes).collect()
}
