//! How tightly Postgres binds each operator. Our tree must be the tree Postgres will read from the printed text;
//! where the two could differ the author is asked for parentheses, which also helps the reader.

use super::fault::Fault;
use super::tree::{CastForm, Kind, Node};

const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const IS: u8 = 4;
const COMPARE: u8 = 5;
const LIKE: u8 = 6;
const OTHER: u8 = 7;
const ADD: u8 = 8;
const MULTIPLY: u8 = 9;
const POWER: u8 = 10;
const ZONE: u8 = 11;
const SIGN: u8 = 12;
const CAST: u8 = 13;
const WHOLE: u8 = 14;

/// How tightly a node holds together in Postgres 15's grammar.
pub(crate) fn of(node: &Node) -> u8 {
    match &node.kind {
        Kind::Binary(op, ..) => of_operator(op),
        Kind::Not(_) => NOT,
        Kind::Is(..) | Kind::Distinct(..) => IS,
        Kind::In(..) | Kind::InSelect(..) | Kind::Between(..) | Kind::Like(..) => LIKE,
        Kind::AtTimeZone(..) => ZONE,
        Kind::Sign(..) => SIGN,
        Kind::Cast(_, _, CastForm::Colons) => CAST,
        _ => WHOLE,
    }
}

/// True when the node may follow `… and` without parentheses.
pub(crate) fn fits_and(node: &Node) -> bool {
    of(node) >= AND
}

fn of_operator(op: &str) -> u8 {
    match op {
        "or" => OR,
        "and" => AND,
        "=" | "<>" | "<" | ">" | "<=" | ">=" => COMPARE,
        "+" | "-" => ADD,
        "*" | "/" | "%" => MULTIPLY,
        "^" => POWER,
        _ => OTHER,
    }
}

/// Refuses any node whose operands Postgres would group otherwise.
pub(crate) fn check(node: &Node) -> Result<(), Fault> {
    for (operand, least) in operands(node) {
        if of(operand) < least {
            return Err(
                Fault::refused(&operand.at, "it is not plain which part belongs together here").help("put parentheses around this part")
            );
        }
    }
    node.below().into_iter().try_for_each(check)
}

/// Operands with the least binding each needs.
fn operands(node: &Node) -> Vec<(&Node, u8)> {
    let own = of(node);
    match &node.kind {
        // Comparisons do not chain; all other operators group from the left.
        Kind::Binary(_, x, y) if own == COMPARE => vec![(x, own + 1), (y, own + 1)],
        Kind::Binary(_, x, y) | Kind::AtTimeZone(x, y) => vec![(x, own), (y, own + 1)],
        Kind::Not(x) | Kind::Sign(_, x) | Kind::Cast(x, _, CastForm::Colons) => vec![(x, own)],
        Kind::Is(x, _) => vec![(x, own + 1)],
        Kind::Distinct(x, _, y) | Kind::Like(x, _, y) => vec![(x, own + 1), (y, own + 1)],
        Kind::In(x, ..) | Kind::InSelect(x, ..) => vec![(x, own + 1)],
        Kind::Between(x, _, y, z) => vec![(x, own + 1), (y, own + 1), (z, own + 1)],
        // `position(x in y)` takes operands that cannot hold an `in` themselves.
        Kind::Position(x, y) => vec![(x, OTHER), (y, OTHER)],
        _ => vec![],
    }
}
