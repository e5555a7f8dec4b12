//! When each harness was last heard of, since the start.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::sys::clock::Clock;
use crate::sys::locks;

/// Names remembered at most.
const MOST: usize = 200;

pub struct Harnesses {
    clock: Arc<dyn Clock>,
    seen: Mutex<HashMap<String, Timestamp>>,
}

impl Harnesses {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Harnesses { clock, seen: Mutex::default() }
    }

    pub fn stamp(&self, harness: &str) {
        let now = self.clock.now();
        let mut seen = locks::lock(&self.seen);
        if seen.len() < MOST || seen.contains_key(harness) {
            seen.insert(harness.to_owned(), now);
        }
    }

    /// When a harness last called.
    pub fn last_seen(&self, harness: &str) -> Option<Timestamp> {
        locks::lock(&self.seen).get(harness).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::SetClock;

    #[test]
    fn the_last_call_counts() {
        let clock = Arc::new(SetClock::at(1));
        let harnesses = Harnesses::new(clock.clone());
        harnesses.stamp("pi");
        clock.advance(5);
        harnesses.stamp("pi");
        assert_eq!(harnesses.last_seen("pi").map(|t| t.as_millisecond()), Some(6));
        assert_eq!(harnesses.last_seen("codex"), None);
    }
}
