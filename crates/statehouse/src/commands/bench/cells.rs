//! Which cells are measured, on which slice of the orders, and how long.

use super::pgbench::WARMING;

/// How many connections move at once.
pub const CLIENTS: [u32; 3] = [1, 16, 64];

/// How a cell moves its orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One `clear` a statement, through the broker's view.
    Single,
    /// Many `clear` a call: row-local, so the law may go set-based.
    BulkLocal,
    /// Many `dispatch` a call: its guard looks at the lines, so each is judged by itself.
    BulkAlone,
    /// One `clear` a request, through the shipped server.
    Http,
}

impl Kind {
    /// The path in the report.
    pub fn path(self) -> &'static str {
        match self {
            Kind::Single => "sql",
            Kind::Http => "http",
            Kind::BulkLocal | Kind::BulkAlone => "bulk",
        }
    }

    /// Whether a call is one move.
    pub fn is_single(self) -> bool {
        matches!(self, Kind::Single | Kind::Http)
    }

    /// The number of the batch on which connections warm up.
    pub fn warm_batch(self) -> u32 {
        if self == Kind::BulkAlone { 2 } else { 1 }
    }

    /// Whether the guard reads nothing but the row.
    pub fn row_local(self) -> bool {
        self != Kind::BulkAlone
    }

    /// The verb fired.
    pub fn verb(self) -> &'static str {
        match self {
            Kind::Single | Kind::BulkLocal | Kind::Http => "clear",
            Kind::BulkAlone => "dispatch",
        }
    }
}

/// One figure to come.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// How.
    pub kind: Kind,
    /// Connections.
    pub clients: u32,
    /// Calls of each connection.
    pub calls_each: u32,
    /// Moves of one call.
    pub moves_per_call: u32,
    /// What comes before the number of the first of its orders, or of its batches.
    pub base: u32,
    /// What comes before the number of the first of its orders.
    pub orders_base: u32,
}

impl Cell {
    /// Calls of all connections.
    pub fn calls(&self) -> u32 {
        self.clients * self.calls_each
    }

    /// Moves of all connections; over HTTP those that warm up are moves too, which nothing takes back.
    pub fn moves(&self) -> u32 {
        let warming = if self.kind == Kind::Http { self.clients * WARMING } else { 0 };
        self.calls() * self.moves_per_call + warming
    }
}

/// The whole run.
#[derive(Debug)]
pub struct Plan {
    /// Orders in the table.
    pub records: u32,
    /// Orders that stand in `customs`; the others stand in `shipped` and have lines.
    pub in_customs: u32,
    /// In the order they are measured: by clients, so that neighbours share a run of the bare work.
    pub cells: Vec<Cell>,
    /// Calls of each connection in a run of the bare work, for each of [`CLIENTS`].
    pub limit_calls_each: [u32; 3],
}

/// Calls of each connection, for each of [`CLIENTS`].
struct Sizes {
    records: u32,
    single: [u32; 3],
    local: [u32; 3],
    alone: [u32; 3],
    http: [u32; 3],
    limit: [u32; 3],
    moves_per_call: u32,
}

const FULL: Sizes = Sizes {
    records: 110_000,
    single: [8_000, 800, 200],
    local: [160, 16, 5],
    alone: [64, 5, 2],
    http: [3_000, 200, 60],
    limit: [6_000, 1_000, 250],
    moves_per_call: 64,
};
const QUICK: Sizes = Sizes {
    records: 10_000,
    single: [200, 20, 10],
    local: [8, 2, 1],
    alone: [8, 2, 1],
    http: [100, 10, 5],
    limit: [300, 40, 10],
    moves_per_call: 16,
};

impl Plan {
    /// A full or a short run, over more orders than usual if `records` says so.
    ///
    /// # Errors
    /// A sentence, when the cells need more orders than that.
    pub fn new(quick: bool, records: Option<u32>) -> Result<Plan, String> {
        let sizes = if quick { QUICK } else { FULL };
        let records = records.unwrap_or(sizes.records);
        let needed = |kind| (0..CLIENTS.len()).map(|at| sizes.cell(kind, at).moves()).sum::<u32>();
        let (moved, dispatched) = (needed(Kind::Single) + needed(Kind::BulkLocal) + needed(Kind::Http), needed(Kind::BulkAlone));
        // The first order of each state is the one on which connections warm up.
        let Some(in_customs) = records.checked_sub(dispatched + 1).filter(|left| *left > moved) else {
            return Err(format!("the cells need {} orders, so `--records` must be at least that", moved + dispatched + 2));
        };
        let mut plan = Plan { records, in_customs, cells: Vec::new(), limit_calls_each: sizes.limit };
        // Numbers of orders and of batches are given out from the front; the orders in `shipped` come last.
        let (mut cleared, mut dispatched, mut batches) = (1, in_customs + 1, 2);
        for at in 0..CLIENTS.len() {
            for kind in [Kind::Single, Kind::BulkLocal, Kind::BulkAlone, Kind::Http] {
                let mut cell = sizes.cell(kind, at);
                let orders = if kind == Kind::BulkAlone { &mut dispatched } else { &mut cleared };
                cell.orders_base = *orders;
                *orders += cell.moves();
                cell.base = if kind.is_single() { cell.orders_base } else { batches };
                batches += if kind.is_single() { 0 } else { cell.calls() };
                plan.cells.push(cell);
            }
        }
        Ok(plan)
    }
}

impl Plan {
    /// The order on which connections warm up for a verb; its moves are taken back.
    pub fn warm_order(&self, kind: Kind) -> u32 {
        if kind == Kind::BulkAlone { self.in_customs + 1 } else { 1 }
    }
}

impl Sizes {
    fn cell(&self, kind: Kind, at: usize) -> Cell {
        let calls_each = match kind {
            Kind::Single => self.single[at],
            Kind::BulkLocal => self.local[at],
            Kind::BulkAlone => self.alone[at],
            Kind::Http => self.http[at],
        };
        let moves_per_call = if kind.is_single() { 1 } else { self.moves_per_call };
        Cell { kind, clients: CLIENTS[at], calls_each, moves_per_call, base: 0, orders_base: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_order_is_moved_twice() {
        for quick in [false, true] {
            let plan = Plan::new(quick, None).expect("a plan");
            let mut slices: Vec<(u32, u32)> = plan.cells.iter().map(|c| (c.orders_base, c.orders_base + c.moves())).collect();
            slices.sort_unstable();
            assert!(slices.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{slices:?}");
            assert!(slices.last().is_some_and(|last| last.1 <= plan.records));
            let alone = plan.cells.iter().filter(|c| c.kind == Kind::BulkAlone);
            assert!(alone.clone().all(|c| c.orders_base > plan.in_customs));
            assert_eq!(alone.count(), 3);
        }
    }

    #[test]
    fn too_few_orders_are_refused() {
        assert!(Plan::new(true, Some(100)).is_err());
        assert!(Plan::new(false, None).is_ok_and(|plan| plan.records == 110_000));
    }
}
