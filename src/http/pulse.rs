//! Whether the lanes move: for who restarts a daemon that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Lane;
use super::server::Shared;

/// Lanes that wait for nobody else. What waits for a server or a child may stand for as long as its own limit says.
const WATCHED: [Lane; 2] = [Lane::Fast, Lane::Hash];

/// Looks at the lanes from time to time.
pub struct Pulse<A: 'static> {
    shared: Arc<Shared<A>>,
    /// Requests finished until the last look.
    seen: [AtomicU64; WATCHED.len()],
}

impl<A> Pulse<A> {
    pub(super) fn new(shared: Arc<Shared<A>>) -> Self {
        // at the first look nothing has been seen to stand still yet
        Pulse { shared, seen: WATCHED.map(|_| AtomicU64::new(u64::MAX)) }
    }

    /// The lanes in which requests wait and none has been finished since the last look.
    pub fn stuck(&self) -> Vec<Lane> {
        let stands = |(lane, seen): &(Lane, &AtomicU64)| {
            let finished = self.shared.finished[*lane as usize].load(Ordering::Acquire);
            seen.swap(finished, Ordering::AcqRel) == finished && !self.shared.lanes.of(*lane).is_empty()
        };
        WATCHED.into_iter().zip(&self.seen).filter(stands).map(|(lane, _)| lane).collect()
    }
}
