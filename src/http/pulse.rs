//! Whether the lanes move: for who restarts a daemon that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Lane;
use super::server::Shared;

/// Lanes that wait for nobody else. What waits for a server or a child may stand for as long as its own limit says.
const WATCHED: [Lane; 2] = [Lane::Fast, Lane::Hash];

/// Looks at a lane, in a row, after which one that has not moved is stuck: what was queued right before a look is not.
const LOOKS: u64 = 2;

/// Looks at the lanes from time to time.
pub struct Pulse<A: 'static> {
    shared: Arc<Shared<A>>,
    seen: [Seen; WATCHED.len()],
}

/// What was seen of a lane.
#[derive(Default)]
struct Seen {
    /// Requests finished until the last look.
    finished: AtomicU64,
    /// Looks in a row at which requests waited and none had been finished since the one before.
    standing: AtomicU64,
}

impl<A> Pulse<A> {
    pub(super) fn new(shared: Arc<Shared<A>>) -> Self {
        Pulse { shared, seen: WATCHED.map(|_| Seen::default()) }
    }

    /// The lanes in which requests wait and none is finished.
    pub fn stuck(&self) -> Vec<Lane> {
        let stands = |(lane, seen): &(Lane, &Seen)| {
            let finished = self.shared.finished[*lane as usize].load(Ordering::Acquire);
            let moved = seen.finished.swap(finished, Ordering::AcqRel) != finished;
            if moved || self.shared.lanes.of(*lane).is_empty() {
                seen.standing.store(0, Ordering::Release);
                return false;
            }
            seen.standing.fetch_add(1, Ordering::AcqRel) + 1 >= LOOKS
        };
        WATCHED.into_iter().zip(&self.seen).filter(stands).map(|(lane, _)| lane).collect()
    }
}
