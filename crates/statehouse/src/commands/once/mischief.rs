//! What somebody tries who may not.

use super::cast::{Cast, Order, Who};

/// Verbs that are never for this role, whatever the state.
const NOT_THEIRS: [(&str, &str); 19] = [
    ("client", "confirm"),
    ("client", "ship"),
    ("client", "cancel"),
    ("rep", "confirm"),
    ("rep", "ship"),
    ("rep", "close"),
    ("rep", "lapse"),
    ("admin", "quote"),
    ("admin", "ship"),
    ("admin", "to_customs"),
    ("admin", "lapse"),
    ("admin", "nudge_admin"),
    ("ops", "start"),
    ("ops", "accept"),
    ("ops", "close"),
    ("ops", "receive_payment"),
    ("broker", "cancel"),
    ("broker", "deliver"),
    ("broker", "quote"),
];

/// A verb of the right person that does not leave this state.
fn not_now(state: &str) -> (&'static str, &'static str) {
    match state {
        "inquiry" => ("rep", "quote"),
        "quoting" => ("rep", "accept"),
        "quoted" => ("rep", "start"),
        "accepted" => ("rep", "quote"),
        "confirmed" => ("ops", "ship"),
        "customs" => ("ops", "deliver"),
        _ => ("ops", "dispatch"),
    }
}

/// One attempt that must fail: a verb of another role, a verb at the wrong time, or a stranger from the other tenant.
pub async fn mischief(cast: &Cast, order: &Order, state: &str) {
    match (order.n + state.len()) % 3 {
        0 => {
            let (role, verb) = NOT_THEIRS[(order.n / 3 + state.len()) % NOT_THEIRS.len()];
            let who = if role == "rep" { cast.rep(order) } else { cast.one(order, role) };
            cast.must_not(order, who, verb, None).await;
        }
        1 => {
            let (role, verb) = not_now(state);
            let who = if role == "rep" { cast.rep(order) } else { cast.one(order, role) };
            cast.must_not(order, who, verb, None).await;
        }
        _ => {
            let stranger = cast.players.iter().find(|player| player.tenant != order.tenant && player.role == "admin");
            if let Some(stranger) = stranger {
                cast.must_not(order, Who::Player(stranger), "start", None).await;
            }
        }
    }
}
