//! Who sees what, and what nobody gets to see by asking otherwise.

use std::collections::{BTreeMap, BTreeSet};

use statehouse_store::rehearsal::{Stage, Tried, attempt};

use super::cast::{Cast, Player};
use super::figures::Check;
use crate::failure::Failure;

/// Statements that nobody may get anything by.
const NOBODY: [&str; 14] = [
    "select count(*) from orders.\"order\"",
    "select count(*) from statehouse.session",
    "select name from statehouse.member",
    "select payload from statehouse.event",
    "select args from statehouse.effect",
    "select count(*) from orders_system.\"order\"",
    "insert into statehouse.event default values",
    "update orders.\"order\" set state = 'closed'",
    "delete from orders.\"order\"",
    "truncate orders.\"order\"",
    "alter table orders.\"order\" disable row level security",
    "set role statehouse_owner",
    "select set_config('statehouse.tenant', '1', true), set_config('statehouse.role', 'admin', true); update orders.\"order\" set paid = 0",
    "select set_config('statehouse.session', 'forged', true); select count(*) from orders_admin.\"order\"",
];

/// Statements about columns and rows hidden from a role.
const HIDDEN: [(&str, &str); 11] = [
    ("client", "select commission from orders_client.\"order\""),
    ("client", "select note from orders_client.\"order\""),
    ("client", "select rep from orders_client.\"order\""),
    ("client", "select cost from orders_client.order_lines"),
    ("client", "select count(*) from orders_client.\"order\" where state in ('inquiry', 'quoting') and gross is not null"),
    ("ops", "select commission from orders_ops.\"order\""),
    ("ops", "select count(*) from orders_ops.\"order\" where state in ('inquiry', 'quoting', 'quoted', 'accepted')"),
    ("broker", "select discount from orders_broker.\"order\""),
    ("broker", "select cost from orders_broker.order_lines"),
    ("broker", "select count(*) from orders_broker.\"order\" where state not in ('shipped', 'customs', 'out_for_delivery')"),
    ("rep", "select count(*) from orders_rep.\"order\" where rep <> statehouse.actor()"),
];

const ROLES: [&str; 5] = ["client", "rep", "admin", "ops", "broker"];

/// What was seen at every look.
#[derive(Debug, Default)]
pub struct Watched {
    /// Role and state: the most orders that role's members saw there at one look.
    pub seen: BTreeMap<(String, String), u64>,
    looks: u64,
    differing: BTreeSet<String>,
    peeks: u64,
    leaks: Vec<String>,
}

impl Watched {
    /// Every member counts own orders by state, and the rule of the role says what that must be.
    pub async fn look(&mut self, cast: &Cast, stage: &Stage) -> Result<(), Failure> {
        let mut expected: BTreeSet<Vec<String>> = stage.rows(include_str!("seen.sql")).await?.into_iter().collect();
        let mut now: BTreeMap<(String, String), u64> = BTreeMap::new();
        for player in &cast.players {
            self.looks += 1;
            let text = format!("select state, count(*) from orders_{}.\"order\" group by state", player.role);
            match attempt(&cast.api, &player.session, &text).await? {
                Tried::Refused(code) => drop(self.differing.insert(format!("{} may not look: {code}", player.member))),
                Tried::Rows(rows) => {
                    for row in rows {
                        *now.entry((player.role.clone(), row[0].clone())).or_default() += row[1].parse::<u64>().unwrap_or_default();
                        let found = vec![player.tenant.clone(), player.member.clone(), row[0].clone(), row[1].clone()];
                        if !expected.remove(&found) {
                            self.differing.insert(format!("{} in {} sees {} in {}", player.member, player.tenant, row[1], row[0]));
                        }
                    }
                }
            }
        }
        self.differing.extend(expected.into_iter().map(|row| format!("{} in {} does not see {} in {}", row[1], row[0], row[3], row[2])));
        for (key, count) in now {
            let most = self.seen.entry(key).or_default();
            *most = count.max(*most);
        }
        Ok(())
    }

    /// Every member tries what must not work.
    pub async fn peek(&mut self, cast: &Cast) -> Result<(), Failure> {
        for player in &cast.players {
            let others = ROLES.iter().filter(|role| **role != player.role);
            let others = others.map(|role| format!("select count(*) from orders_{role}.\"order\""));
            let hidden = HIDDEN.iter().filter(|(role, _)| *role == player.role).map(|(_, statement)| (*statement).to_owned());
            for statement in NOBODY.iter().map(|statement| (*statement).to_owned()).chain(others).chain(hidden) {
                self.try_one(cast, player, &statement).await?;
            }
        }
        Ok(())
    }

    async fn try_one(&mut self, cast: &Cast, player: &Player, statement: &str) -> Result<(), Failure> {
        self.peeks += 1;
        let told = match attempt(&cast.api, &player.session, statement).await? {
            Tried::Refused(_) => false,
            Tried::Rows(rows) => rows.iter().flatten().any(|cell| !cell.is_empty() && cell != "0") || statement.starts_with("set role"),
        };
        if told {
            self.leaks.push(format!("{} ({}): {statement}", player.member, player.role));
        }
        Ok(())
    }

    /// What must hold of it.
    pub fn checks(&self) -> Vec<Check> {
        let first = |list: Option<&String>| list.map(|first| format!(", e.g. {first}")).unwrap_or_default();
        vec![
            Check::new(
                format!(
                    "{} looks of members at their orders, differing from the rule of the role{}",
                    self.looks,
                    first(self.differing.first())
                ),
                0,
                self.differing.len(),
            ),
            Check::new(
                format!("{} attempts to peek or to write past the law, successful{}", self.peeks, first(self.leaks.first())),
                0,
                self.leaks.len(),
            ),
        ]
    }
}
