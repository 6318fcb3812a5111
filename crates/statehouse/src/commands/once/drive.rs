//! The days of an order, twenty orders at a time.

use std::sync::Arc;

use serde_json::json;
use statehouse_store::rehearsal::Stage;
use tokio::task::JoinSet;

use super::cast::{AT_A_TIME, Cast, Order, Player, Who};
use super::mischief::mischief;
use crate::failure::Failure;

/// What is done between two moves of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    Quote,
    QuoteLate,
    Accept,
    ConfirmLate,
    Fulfil,
    Deliver,
    TooLate,
}

impl Day {
    /// For whoever watches.
    pub fn says(self) -> &'static str {
        match self {
            Day::Quote => "inquiries are quoted",
            Day::QuoteLate => "a day later the slow ones are quoted too",
            Day::Accept => "quotes are accepted, orders confirmed",
            Day::ConfirmLate => "three days later the slow ones are confirmed",
            Day::Fulfil => "goods are bought, printed, shipped",
            Day::Deliver => "six days later customs are cleared, goods delivered and paid",
            Day::TooLate => "two weeks later somebody accepts a quote that ran out",
        }
    }
}

/// Where an order is meant to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Closed,
    CancelledIn(&'static str),
    Lapsed,
}

fn fate(order: &Order) -> Fate {
    if order.golden {
        return Fate::Closed;
    }
    match order.n % 37 {
        1 => Fate::CancelledIn("inquiry"),
        2 => Fate::CancelledIn("quoting"),
        3 => Fate::CancelledIn("quoted"),
        4 => Fate::CancelledIn("accepted"),
        5 => Fate::CancelledIn("confirmed"),
        6 if order.only_print => Fate::CancelledIn("production"),
        6 | 7 => Fate::CancelledIn(if order.only_print { "confirmed" } else { "sourcing" }),
        8 | 9 => Fate::Lapsed,
        _ => Fate::Closed,
    }
}

/// One order in so many takes its time.
fn slow(order: &Order, of: usize) -> bool {
    !order.golden && order.n % of == of - 1
}

/// One day for every order.
pub async fn day(cast: &Arc<Cast>, day: Day) {
    let mut acting = JoinSet::new();
    for at in 0..cast.orders.len() {
        if acting.len() == AT_A_TIME {
            joined(cast, acting.join_next().await);
        }
        let cast = Arc::clone(cast);
        acting.spawn(async move { act(&cast, &cast.orders[at], day).await });
    }
    while let Some(done) = acting.join_next().await {
        joined(cast, Some(done));
    }
}

fn joined(cast: &Cast, done: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(cause)) = done {
        cast.wrong(format!("an order's day broke off: {cause}"));
    }
}

async fn act(cast: &Cast, order: &Order, day: Day) {
    match day {
        Day::Quote if !slow(order, 23) => quote(cast, order).await,
        Day::QuoteLate if slow(order, 23) => quote(cast, order).await,
        Day::Accept => accept(cast, order).await,
        Day::ConfirmLate if slow(order, 19) => confirm(cast, order).await,
        Day::Fulfil => fulfil(cast, order).await,
        Day::Deliver => deliver(cast, order).await,
        // The timer may have come first; then it is no longer there to be accepted. Either way nobody accepts it.
        Day::TooLate if fate(order) == Fate::Lapsed => {
            cast.must_not(order, cast.rep(order), "accept", None).await;
        }
        _ => {}
    }
}

/// Cancels where the order is meant to end here.
async fn ended(cast: &Cast, order: &Order, state: &'static str) -> bool {
    let ends = fate(order) == Fate::CancelledIn(state);
    if ends {
        let late = ["confirmed", "sourcing", "production"].contains(&state);
        let who = if late || order.n.is_multiple_of(2) { cast.one(order, "admin") } else { cast.rep(order) };
        cast.must_not(order, who, if late { "cancel_late" } else { "cancel" }, None).await;
        cast.go(
            order,
            who,
            if late { "cancel_late" } else { "cancel" },
            Some(json!({ "cancel_reason": format!("the client withdrew while {state}") })),
        )
        .await;
    }
    ends
}

async fn quote(cast: &Cast, order: &Order) {
    mischief(cast, order, "inquiry").await;
    if ended(cast, order, "inquiry").await {
        return;
    }
    if order.n % 13 == 4 && !order.golden {
        lend_and_return(cast, order).await;
    }
    let opener = if order.n.is_multiple_of(3) { cast.one(order, "admin") } else { cast.rep(order) };
    cast.go(order, opener, "start", None).await;
    mischief(cast, order, "quoting").await;
    if ended(cast, order, "quoting").await {
        return;
    }
    cast.go(order, cast.rep(order), "quote", None).await;
    if order.n % 17 == 6 {
        cast.go(order, cast.rep(order), "requote", None).await;
        cast.go(order, cast.rep(order), "quote", None).await;
    }
    ended(cast, order, "quoted").await;
}

/// A colleague holds the order for a moment; whoever handed it over no longer sees it.
async fn lend_and_return(cast: &Cast, order: &Order) {
    let Who::Player(owner) = cast.rep(order) else { return };
    let colleague =
        cast.players.iter().find(|player| player.tenant == order.tenant && player.role == "rep" && player.member != owner.member);
    if let Some(colleague) = colleague {
        let to = |player: &Player| Some(json!({ "rep": player.session.actor.to_string() }));
        cast.go(order, Who::Player(owner), "hand_over", to(colleague)).await;
        cast.must_not(order, Who::Player(owner), "start", None).await;
        cast.go(order, Who::Player(colleague), "hand_over", to(owner)).await;
    }
}

async fn accept(cast: &Cast, order: &Order) {
    let out = [Fate::CancelledIn("inquiry"), Fate::CancelledIn("quoting"), Fate::CancelledIn("quoted"), Fate::Lapsed];
    if out.contains(&fate(order)) {
        return;
    }
    mischief(cast, order, "quoted").await;
    let client = order.login.as_ref().and_then(|login| cast.member(order, login));
    cast.go(order, client.unwrap_or_else(|| cast.rep(order)), "accept", None).await;
    if !ended(cast, order, "accepted").await && !slow(order, 19) {
        confirm(cast, order).await;
    }
}

/// On credit where it covers the order, else with a deposit of one fifth.
async fn confirm(cast: &Cast, order: &Order) {
    if !lives(order, "accepted") {
        return;
    }
    mischief(cast, order, "accepted").await;
    let admin = cast.one(order, "admin");
    match cast.fire(order, admin, "confirm", None).await {
        Ok(()) => {}
        Err(refused) if refused.guards.iter().any(|guard| guard == "covered") => {
            cast.must_not(order, admin, "confirm", Some(json!({ "deposit": order.gross / 5 - 1 }))).await;
            cast.go(order, admin, "confirm", Some(json!({ "deposit": (order.gross + 4) / 5 }))).await;
        }
        Err(refused) => cast.wrong(format!("`confirm` on {}: {}", order.id, refused.says)),
    }
}

/// Whether the order is still under way after this state.
fn lives(order: &Order, after: &str) -> bool {
    let stages = ["inquiry", "quoting", "quoted", "accepted", "confirmed", "sourcing", "production"];
    let place = |state: &str| stages.iter().position(|stage| *stage == state).unwrap_or(stages.len());
    match fate(order) {
        Fate::Closed => true,
        Fate::CancelledIn(state) => place(state) > place(after),
        Fate::Lapsed => false,
    }
}

async fn fulfil(cast: &Cast, order: &Order) {
    if !lives(order, "accepted") {
        return;
    }
    mischief(cast, order, "confirmed").await;
    if ended(cast, order, "confirmed").await {
        return;
    }
    let ops = cast.one(order, "ops");
    if order.only_print {
        cast.must_not(order, ops, "source", None).await;
        cast.go(order, ops, "produce", None).await;
        if ended(cast, order, "production").await {
            return;
        }
    } else {
        cast.go(order, ops, "source", None).await;
        if ended(cast, order, "sourcing").await {
            return;
        }
        if order.some_print && order.n.is_multiple_of(2) {
            cast.go(order, ops, "print", None).await;
        }
    }
    cast.must_not(order, ops, "ship", None).await;
    cast.go(order, ops, "ship", Some(json!({ "tracking": format!("1Z{:08}", order.n) }))).await;
    if !order.imported {
        return cast.go(order, ops, "dispatch", None).await;
    }
    cast.must_not(order, ops, "dispatch", None).await;
    if order.n.is_multiple_of(2) || slow(order, 11) {
        cast.go(order, cast.one(order, "broker"), "to_customs", None).await;
        if !slow(order, 11) {
            clear(cast, order).await;
        }
        return;
    }
    // Nobody here has to do anything: customs tell both, in whatever order it arrives.
    cast.decide(order, "to_customs", "lodged").await;
    cast.decide(order, "clear", "cleared").await;
}

async fn clear(cast: &Cast, order: &Order) {
    mischief(cast, order, "customs").await;
    cast.go(order, cast.one(order, "broker"), "clear", Some(json!({ "customs_ref": format!("T{:06}", order.n) }))).await;
}

async fn deliver(cast: &Cast, order: &Order) {
    if fate(order) != Fate::Closed {
        return;
    }
    if order.imported && slow(order, 11) {
        clear(cast, order).await;
    }
    let client = order.login.as_ref().and_then(|login| cast.member(order, login));
    cast.go(order, client.unwrap_or_else(|| cast.one(order, "ops")), "deliver", None).await;
    mischief(cast, order, "delivered").await;
    let admin = cast.one(order, "admin");
    cast.must_not(order, admin, "close", None).await;
    let payer = if order.n.is_multiple_of(2) { admin } else { cast.connector(order) };
    if order.n.is_multiple_of(5) {
        cast.go(order, payer, "receive_payment", Some(json!({ "paid": order.gross / 2 }))).await;
        cast.must_not(order, admin, "close", None).await;
    }
    cast.go(order, payer, "receive_payment", Some(json!({ "paid": order.gross }))).await;
    // One in three is left to its timer.
    if order.golden || !order.n.is_multiple_of(3) {
        cast.go(order, admin, "close", None).await;
    }
}

/// The month is over: what its orders earned the salesperson of the golden orders.
pub async fn settle(cast: &Cast, stage: &Stage) -> Result<(), Failure> {
    let rows = stage.rows(include_str!("month.sql")).await?;
    let admin = cast.players.iter().find(|player| player.tenant == "baltyk" && player.role == "admin");
    let (Some([rep, month]), Some(admin)) = (rows.first().map(Vec::as_slice), admin) else {
        cast.wrong("no golden order was closed".to_owned());
        return Ok(());
    };
    let made = cast.post(admin, "/settlement".to_owned(), Some(&json!({ "rep": rep, "month": month }))).await;
    let id = match &made {
        Ok(made) => made["id"].as_str().unwrap_or_default(),
        Err(refused) => {
            cast.wrong(format!("no settlement: {}", refused.says));
            return Ok(());
        }
    };
    let settled = cast.post(admin, format!("/settlement/{id}/transitions/settle"), None).await.map(drop);
    cast.count("settle", &settled);
    if let Err(refused) = settled {
        cast.wrong(format!("`settle` of {id}: {}", refused.says));
    }
    Ok(())
}
