//! Sessions of coding agents: what is put into their context, what they say, what becomes of it, and who else is
//! at work.
//!
//! `hooks` is what harnesses call; `transcripts` keeps what was said and makes files of it; `checkpoints`, `browse`
//! and `memory_md` show it again; `claims` and `peers` are held in memory only.

mod api;
mod background;
mod browse;
mod checkpoints;
mod claims;
mod folders;
mod harnesses;
mod hooks;
mod ledger;
mod memory_md;
mod noted;
mod peers;
mod routes;
mod store;
mod transcripts;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub use api::CaptureJobs;
pub use hooks::ROUTES as HOOK_ROUTES;
pub use ledger::Ledgers;
pub use memory_md::ROUTES as MEMORY_MD_ROUTES;
pub use peers::{Peers, ROUTES as PEER_ROUTES};
pub use routes::ROUTES;
pub const CHECKPOINT_ROUTES: &[crate::http::Route<Sessions>] = checkpoints::ROUTES;

use crate::core::Core;
use crate::core::access::{Caller, DEFAULT_AGENT};
use crate::db::{Error, Tx};
use crate::parts::agents::Leaving;
use crate::parts::memory::Memory;
use checkpoints::Continuity;
use claims::Claims;
use harnesses::Harnesses;
use hooks::{Call, Starts};
use memory_md::Synthesis;
use store::skills::{self, Invocation};
use transcripts::{Archive, Live};

/// The part with what it keeps between requests.
pub struct Sessions {
    core: Arc<Core>,
    memory: Arc<Memory>,
    ledgers: Arc<Ledgers>,
    claims: Arc<Claims>,
    peers: Arc<Peers>,
    continuity: Continuity,
    starts: Starts,
    harnesses: Harnesses,
    archive: Arc<Archive>,
    live: Live,
    synthesis: Synthesis,
    moments: Moments,
}

/// Milliseconds of which none comes twice.
#[derive(Debug, Default)]
struct Moments(AtomicI64);

impl Moments {
    fn next(&self, now_ms: i64) -> i64 {
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(now_ms.max(last + 1)));
        before.map_or(now_ms, |last| now_ms.max(last + 1))
    }
}

impl Sessions {
    pub fn new(core: Arc<Core>, memory: Arc<Memory>, ledgers: Arc<Ledgers>) -> Self {
        let clock = Arc::clone(&core.clock);
        let claims = Arc::new(Claims::new(Arc::clone(&clock)));
        Sessions {
            peers: Arc::new(Peers::new(Arc::clone(&core), Arc::clone(&claims))),
            continuity: Continuity::new(Arc::clone(&clock)),
            starts: Starts::new(Arc::clone(&clock)),
            harnesses: Harnesses::new(clock),
            archive: Arc::new(Archive::new(Arc::clone(&core))),
            live: Live::default(),
            synthesis: Synthesis::default(),
            moments: Moments::default(),
            claims,
            ledgers,
            memory,
            core,
        }
    }

    pub fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// How many transcripts wait to become files.
    pub fn capture_jobs(&self) -> Result<CaptureJobs, Error> {
        let counted = self.core.db.read(store::captures::counts)?;
        let count = |of: &[&str]| counted.iter().filter(|(s, _)| of.contains(&s.as_str())).map(|(_, n)| n).sum();
        Ok(CaptureJobs {
            pending: count(&["pending"]),
            processing: count(&["processing", "leased"]),
            failed: count(&["failed"]),
            dead: count(&["dead"]),
        })
    }

    /// When a harness was last heard of, since the start.
    pub fn harness_seen(&self, harness: &str) -> Option<jiff::Timestamp> {
        self.harnesses.last_seen(harness)
    }

    /// A hook that names no agent is of the agent whose live session it names, if only one has it: some
    /// harnesses name their agent in some hooks only.
    fn find_agent(&self, call: &mut Call, named: bool, caller: &Caller) {
        let (Some(key), false, None) = (&call.key, named, caller.bound()) else { return };
        if call.agent != DEFAULT_AGENT {
            return;
        }
        if let [only] = &self.claims.holders(key)[..] {
            call.agent.clone_from(only);
        }
    }

    /// Notes a use of a skill. A failure costs the note only.
    fn note_skill(&self, invocation: Invocation) {
        self.harnesses.stamp(&invocation.harness);
        if self.core.mutable().is_err() {
            return;
        }
        if let Err(cause) = self.core.db.write(move |tx| skills::note(tx, &invocation)) {
            log::warn!(target: "sessions", "a use of a skill was not noted: {cause}");
        }
    }
}

impl Leaving for Sessions {
    /// Of an agent that only leaves the roster everything stays: nobody can name it any more, and it may come back.
    fn agent_left(&self, tx: &Tx<'_>, agent: &str, purged: bool) -> rusqlite::Result<()> {
        if purged { store::purge::agent(tx, agent) } else { Ok(()) }
    }

    fn after_agent_left(&self, _: &str, _: bool) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_moment_comes_twice() {
        let moments = Moments::default();
        assert_eq!((moments.next(5), moments.next(5), moments.next(4), moments.next(9)), (5, 6, 7, 9));
    }
}
