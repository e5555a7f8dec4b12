//! Which sessions have been given their whole beginning: a second start gets a stub, also after an end, as some
//! harnesses start a session again with every prompt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};

use super::Call;
use crate::sys::clock::Clock;
use crate::sys::locks;

/// A start is remembered so long.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Starts remembered at most; the oldest go first.
const MOST: usize = 10_000;

pub struct Starts {
    clock: Arc<dyn Clock>,
    given: Mutex<HashMap<String, Timestamp>>,
}

/// Agent, harness and session, and behind them the project.
fn prefix(call: &Call) -> Option<String> {
    let key = call.key.as_deref()?;
    Some(format!("{}\0{}\0{key}\0", call.agent, call.harness))
}

fn name(call: &Call) -> Option<String> {
    prefix(call).map(|prefix| prefix + call.project.as_deref().unwrap_or_default())
}

impl Starts {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Starts { clock, given: Mutex::default() }
    }

    pub fn is_given(&self, call: &Call) -> bool {
        let now = self.clock.now();
        name(call).is_some_and(|name| locks::lock(&self.given).get(&name).is_some_and(|at| *at + KEPT > now))
    }

    pub fn give(&self, call: &Call) {
        let Some(name) = name(call) else { return };
        let now = self.clock.now();
        let mut given = locks::lock(&self.given);
        if given.len() >= MOST {
            given.retain(|_, at| *at + KEPT > now);
        }
        if given.len() >= MOST
            && let Some(oldest) = given.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone())
        {
            given.remove(&oldest);
        }
        given.insert(name, now);
    }

    /// The session's next start is a first one, in whatever project.
    pub fn forget(&self, call: &Call) {
        if let Some(prefix) = prefix(call) {
            locks::lock(&self.given).retain(|name, _| !name.starts_with(&prefix));
        }
    }
}
