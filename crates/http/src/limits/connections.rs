//! Open connections: how many there are, and which of them wait.
//!
//! A connection waits while no whole request of it is at work: fresh ones, those that dribble their headers, idle ones.
//! Too many of these cost somebody who means it nothing: the one that has waited longest is closed for the next, and one
//! on which somebody has proved who they are only when there are no others. Whoever sends a request at once is never the
//! one that has waited longest.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::settings::Limits;

/// Every open connection.
#[derive(Debug)]
pub(crate) struct Connections {
    open_max: usize,
    waiting_max: usize,
    per_address_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    turn: u64,
    /// By the turn in which each began to wait, those that nobody has proved anything on before all others: the first goes.
    waiting: BTreeMap<Turn, Arc<Notify>>,
    addresses: HashMap<IpAddr, usize>,
}

/// Whether somebody has proved on a connection who they are, and since which turn it waits.
type Turn = (bool, u64);

/// One open connection; it counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    all: Arc<Connections>,
    peer: IpAddr,
    closed: Arc<Notify>,
    /// The turn in which it began to wait; nothing while a request is at work.
    turn: Mutex<Option<Turn>>,
    proven: AtomicBool,
}

/// A request at work; its connection waits again when this is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Connection>);

impl Connections {
    pub(crate) fn new(limits: &Limits) -> Arc<Connections> {
        Arc::new(Connections {
            open_max: limits.connections_max,
            waiting_max: limits.waiting_max,
            per_address_max: limits.connections_per_address,
            state: Mutex::default(),
        })
    }

    /// Counts a fresh connection, or says that there are too many.
    pub(crate) fn open(self: &Arc<Connections>, peer: IpAddr) -> Option<Arc<Connection>> {
        let peer = network(peer);
        let mut state = self.state();
        let from_there = state.addresses.get(&peer).copied().unwrap_or_default();
        if state.open >= self.open_max || from_there >= self.per_address_max {
            return None;
        }
        state.open += 1;
        *state.addresses.entry(peer).or_default() += 1;
        drop(state);
        let connection = Arc::new(Connection {
            all: Arc::clone(self),
            peer,
            closed: Arc::default(),
            turn: Mutex::new(None),
            proven: AtomicBool::new(false),
        });
        connection.wait();
        Some(connection)
    }

    /// How many are open, and how many of these wait.
    pub(crate) fn count(&self) -> (usize, usize) {
        let state = self.state();
        (state.open, state.waiting.len())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// A request of it is at work from now on.
    pub(crate) fn busy(self: &Arc<Connection>) -> Busy {
        self.end_waiting();
        Busy(Arc::clone(self))
    }

    /// Somebody has proved on it who they are: it makes room only when all others have.
    pub(crate) fn prove(&self) {
        self.proven.store(true, Ordering::Relaxed);
    }

    /// Ends when others need its place.
    pub(crate) async fn closed(&self) {
        self.closed.notified().await;
    }

    fn wait(&self) {
        let mut state = self.all.state();
        state.turn += 1;
        let turn = (self.proven.load(Ordering::Relaxed), state.turn);
        state.waiting.insert(turn, Arc::clone(&self.closed));
        if state.waiting.len() > self.all.waiting_max
            && let Some((_, longest)) = state.waiting.pop_first()
        {
            longest.notify_one();
        }
        *self.turn() = Some(turn);
    }

    fn end_waiting(&self) {
        if let Some(turn) = self.turn().take() {
            self.all.state().waiting.remove(&turn);
        }
    }

    fn turn(&self) -> MutexGuard<'_, Option<Turn>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.wait();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end_waiting();
        let mut state = self.all.state();
        state.open -= 1;
        if let Some(count) = state.addresses.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                state.addresses.remove(&self.peer);
            }
        }
    }
}

/// Who has an address of IPv6 has its whole /64.
pub(crate) fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { connections_max: 6, waiting_max: 3, connections_per_address: 4, ..Limits::default() }
    }

    fn peer(last: u8) -> IpAddr {
        [127, 0, 0, last].into()
    }

    async fn is_closed(connection: &Connection) -> bool {
        tokio::time::timeout(std::time::Duration::from_millis(1), connection.closed()).await.is_ok()
    }

    #[tokio::test]
    async fn the_one_that_waited_longest_makes_room() {
        let all = Connections::new(&limits());
        let first = all.open(peer(1)).expect("room");
        let second = all.open(peer(1)).expect("room");
        let at_work = first.busy();
        let _third = all.open(peer(1)).expect("room");
        let fourth = all.open(peer(1)).expect("room");
        assert!(!is_closed(&second).await, "three may wait");
        let _fifth = all.open(peer(2)).expect("room");
        assert!(is_closed(&second).await, "it waited longest");
        assert!(!is_closed(&first).await && !is_closed(&fourth).await, "one is at work, the other came later");
        drop(at_work);
        assert!(!is_closed(&first).await, "it has only begun to wait");
    }

    #[tokio::test]
    async fn one_that_is_proven_makes_room_last() {
        let all = Connections::new(&limits());
        let known = all.open(peer(1)).expect("room");
        let at_work = known.busy();
        known.prove();
        drop(at_work);
        let strangers: Vec<_> = (2..5).filter_map(|last| all.open(peer(last))).collect();
        assert!(is_closed(&strangers[0]).await && !is_closed(&known).await, "the known one has waited longest");
    }

    #[test]
    fn the_count_is_bounded_in_all_and_by_address() {
        let all = Connections::new(&limits());
        let held: Vec<_> = (0..4).filter_map(|_| all.open(peer(1))).collect();
        assert!(all.open(peer(1)).is_none(), "four of one address");
        let others: Vec<_> = (0..2).filter_map(|_| all.open(peer(2))).collect();
        assert_eq!((held.len(), others.len()), (4, 2));
        assert!(all.open(peer(3)).is_none(), "six in all");
        drop(held);
        assert!(all.open(peer(1)).is_some());
        drop(others);
        assert_eq!(all.count(), (0, 0));
    }

    #[test]
    fn a_network_is_one_peer() {
        assert_eq!(network("2001:db8::1".parse().expect("v6")), network("2001:db8::ffff:2".parse().expect("v6")));
        assert_ne!(network("2001:db8::1".parse().expect("v6")), network("2001:db8:0:1::1".parse().expect("v6")));
        assert_eq!(network("::ffff:127.0.0.1".parse().expect("v6")), peer(1));
    }
}
