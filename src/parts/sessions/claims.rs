//! Which runtime drives a session now: claims with a lease, bypass, and the mark of a session that has ended.
//!
//! Held in memory only. After a restart nobody holds anything, which clients see by `sessionKnown`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};

use crate::sys::clock::Clock;
use crate::sys::locks::{self, Held};

/// A claim lasts so long after the last hook of its runtime; a bypass too.
pub const LEASE: SignedDuration = SignedDuration::from_hours(4);
/// So long a second end of a session is told from a first.
const ENDED: SignedDuration = SignedDuration::from_mins(30);
/// A claim that ends sooner is told to its client, once.
const WARNING: SignedDuration = SignedDuration::from_mins(30);
/// Sessions remembered at most; those that were silent longest go first.
const MOST: usize = 10_000;

crate::names! {
    /// The way by which a harness calls: a plugin inside it, or commands of its hooks.
    pub enum RuntimePath {
        Plugin = "plugin",
        Legacy = "legacy",
    }
}

/// An agent's session. Two agents may use the same key: they never meet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId {
    pub agent: String,
    pub key: String,
}

impl SessionId {
    pub fn of(agent: &str, key: &str) -> Self {
        SessionId { agent: agent.to_owned(), key: plain_key(key).to_owned() }
    }
}

/// A key without the prefix that some clients put before it.
pub fn plain_key(key: &str) -> &str {
    let key = key.trim();
    key.strip_prefix("session:").filter(|rest| !rest.is_empty()).unwrap_or(key)
}

/// Who drives a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub path: RuntimePath,
    pub claimed_at: Timestamp,
    pub expires_at: Timestamp,
    warned: bool,
}

/// What is known of one session.
#[derive(Debug, Default)]
struct Known {
    claim: Option<Claim>,
    bypassed_until: Option<Timestamp>,
    ended: Option<(RuntimePath, Timestamp)>,
}

impl Known {
    /// Drops what has expired; whether anything is left.
    fn settle(&mut self, now: Timestamp) -> bool {
        self.claim.take_if(|claim| claim.expires_at <= now);
        self.bypassed_until.take_if(|until| *until <= now);
        self.ended.take_if(|(_, at)| *at + ENDED <= now);
        self.claim.is_some() || self.bypassed_until.is_some() || self.ended.is_some()
    }

    fn last(&self) -> Timestamp {
        let times = [self.claim.map(|c| c.expires_at), self.bypassed_until, self.ended.map(|(_, at)| at)];
        times.into_iter().flatten().max().unwrap_or(Timestamp::MIN)
    }
}

type Sessions = HashMap<SessionId, Known>;

pub struct Claims {
    clock: Arc<dyn Clock>,
    known: Mutex<Sessions>,
}

impl Claims {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Claims { clock, known: Mutex::default() }
    }

    fn known(&self) -> Held<MutexGuard<'_, Sessions>> {
        locks::lock(&self.known)
    }

    /// Claims a session, or renews the claim of the same runtime. `Err` names the runtime that holds it.
    pub fn claim(&self, id: &SessionId, path: RuntimePath) -> Result<(), RuntimePath> {
        let now = self.clock.now();
        let mut known = self.known();
        make_room(&mut known, id, now);
        let session = known.entry(id.clone()).or_default();
        session.settle(now);
        let claimed_at = match session.claim {
            Some(held) if held.path != path => return Err(held.path),
            Some(held) => held.claimed_at,
            None => now,
        };
        session.claim = Some(Claim { path, claimed_at, expires_at: now + LEASE, warned: false });
        session.ended = None;
        Ok(())
    }

    /// The live claim of a session.
    pub fn get(&self, id: &SessionId) -> Option<Claim> {
        let now = self.clock.now();
        self.known().get(id).and_then(|session| session.claim).filter(|claim| claim.expires_at > now)
    }

    /// The live claims of an agent.
    pub fn of_agent(&self, agent: &str) -> Vec<(SessionId, Claim)> {
        let now = self.clock.now();
        let known = self.known();
        let live = known.iter().filter(|(id, _)| id.agent == agent).filter_map(|(id, s)| Some((id.clone(), s.claim?)));
        live.filter(|(_, claim)| claim.expires_at > now).collect()
    }

    /// The agents that hold a session of this key.
    pub fn holders(&self, key: &str) -> Vec<String> {
        let (now, key) = (self.clock.now(), plain_key(key));
        let known = self.known();
        let live = known.iter().filter(|(id, s)| id.key == key && s.claim.is_some_and(|c| c.expires_at > now));
        live.map(|(id, _)| id.agent.clone()).collect()
    }

    /// Whether any session is claimed.
    pub fn any(&self) -> bool {
        let now = self.clock.now();
        self.known().values().any(|session| session.claim.is_some_and(|claim| claim.expires_at > now))
    }

    /// How many sessions are claimed, and how many are bypassed.
    pub fn counts(&self) -> (usize, usize) {
        let now = self.clock.now();
        let known = self.known();
        let claimed = known.values().filter(|s| s.claim.is_some_and(|c| c.expires_at > now)).count();
        (claimed, known.values().filter(|s| s.bypassed_until.is_some_and(|until| until > now)).count())
    }

    /// Until when a claim lasts now; `None` when there is none. A bypass lasts as long.
    pub fn renew(&self, id: &SessionId) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut known = self.known();
        let session = known.get_mut(id)?;
        session.settle(now);
        let until = now + LEASE;
        if let Some(bypassed) = &mut session.bypassed_until {
            *bypassed = until;
        }
        let claim = session.claim.as_mut()?;
        claim.expires_at = until;
        claim.warned = false;
        Some(until)
    }

    pub fn is_bypassed(&self, id: &SessionId) -> bool {
        let now = self.clock.now();
        self.known().get(id).and_then(|session| session.bypassed_until).is_some_and(|until| until > now)
    }

    pub fn bypass(&self, id: &SessionId, on: bool) {
        let now = self.clock.now();
        let mut known = self.known();
        make_room(&mut known, id, now);
        known.entry(id.clone()).or_default().bypassed_until = on.then(|| now + LEASE);
    }

    /// By which runtime a session has ended lately, if nobody claimed it since.
    pub fn ended_by(&self, id: &SessionId) -> Option<RuntimePath> {
        let now = self.clock.now();
        self.known().get(id).and_then(|session| session.ended).filter(|(_, at)| *at + ENDED > now).map(|(path, _)| path)
    }

    /// Lets go of a session; one that a runtime ended is remembered as ended.
    pub fn end(&self, id: &SessionId, path: Option<RuntimePath>) {
        let now = self.clock.now();
        let mut known = self.known();
        match path {
            Some(path) => {
                make_room(&mut known, id, now);
                known.insert(id.clone(), Known { ended: Some((path, now)), ..Known::default() });
            }
            None => {
                known.remove(id);
            }
        }
    }

    /// A claim's client is told once that it ends soon.
    pub fn warning(&self, id: &SessionId) -> Option<String> {
        let now = self.clock.now();
        let mut known = self.known();
        let session = known.get_mut(id)?;
        let bypassed = session.bypassed_until.is_some_and(|until| until > now);
        let claim = session.claim.as_mut().filter(|claim| !claim.warned && !bypassed)?;
        let left = now.duration_until(claim.expires_at);
        if left >= WARNING || !left.is_positive() {
            return None;
        }
        claim.warned = true;
        let minutes = (left.as_secs() + 59) / 60;
        Some(format!(
            "This session's claim expires in {minutes} minutes; POST /api/sessions/{}/renew keeps it.",
            id.key
        ))
    }

    /// Forgets what has expired.
    pub fn sweep(&self) {
        let now = self.clock.now();
        self.known().retain(|_, session| session.settle(now));
    }
}

/// Room for one more session.
fn make_room(known: &mut Sessions, id: &SessionId, now: Timestamp) {
    if known.len() < MOST || known.contains_key(id) {
        return;
    }
    known.retain(|_, session| session.settle(now));
    if known.len() >= MOST
        && let Some(oldest) = known.iter().min_by_key(|(_, session)| session.last()).map(|(id, _)| id.clone())
    {
        known.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::SetClock;
    use RuntimePath::{Legacy, Plugin};

    fn claims() -> (Arc<SetClock>, Claims) {
        let clock = Arc::new(SetClock::at(1_700_000_000_000));
        (clock.clone(), Claims::new(clock))
    }

    const MINUTE: i64 = 60_000;

    #[test]
    fn one_runtime_holds_a_session_until_its_lease_ends() {
        let (clock, claims) = claims();
        let id = SessionId::of("ada", " session:s1 ");
        assert_eq!(id.key, "s1");
        assert_eq!((claims.claim(&id, Plugin), claims.claim(&id, Legacy)), (Ok(()), Err(Plugin)));
        assert_eq!(claims.claim(&SessionId::of("bob", "s1"), Legacy), Ok(()), "another agent's is another session");
        clock.advance(200 * MINUTE);
        assert_eq!(claims.claim(&id, Plugin), Ok(()), "a hook renews it");
        clock.advance(200 * MINUTE);
        assert_eq!(claims.claim(&id, Legacy), Err(Plugin));
        clock.advance(41 * MINUTE);
        assert!(claims.get(&id).is_none());
        assert_eq!(claims.claim(&id, Legacy), Ok(()));
        assert_eq!(claims.holders("session:s1"), ["ada"]);
        clock.advance(241 * MINUTE);
        claims.sweep();
        assert!(claims.known().is_empty() && !claims.any());
    }

    #[test]
    fn an_end_is_remembered_for_half_an_hour_or_until_the_next_claim() {
        let (clock, claims) = claims();
        let id = SessionId::of("ada", "s");
        claims.claim(&id, Plugin).unwrap();
        claims.bypass(&id, true);
        claims.end(&id, Some(Plugin));
        assert_eq!((claims.ended_by(&id), claims.get(&id), claims.is_bypassed(&id)), (Some(Plugin), None, false));
        claims.claim(&id, Legacy).unwrap();
        assert_eq!(claims.ended_by(&id), None);
        claims.end(&id, Some(Legacy));
        clock.advance(30 * MINUTE);
        assert_eq!(claims.ended_by(&id), None);
    }

    #[test]
    fn a_lease_that_runs_out_is_told_once() {
        let (clock, claims) = claims();
        let id = SessionId::of("ada", "s");
        claims.claim(&id, Plugin).unwrap();
        assert_eq!(claims.warning(&id), None);
        clock.advance(220 * MINUTE);
        assert!(claims.warning(&id).unwrap().contains("20 minutes"));
        assert_eq!(claims.warning(&id), None);
        assert!(claims.renew(&id).is_some());
        clock.advance(239 * MINUTE);
        claims.bypass(&id, true);
        assert_eq!(claims.warning(&id), None, "who is bypassed is told nothing");
    }

    #[test]
    fn the_number_of_sessions_is_bounded() {
        let (clock, claims) = claims();
        for n in 0..=MOST {
            clock.advance(1);
            claims.claim(&SessionId::of("ada", &n.to_string()), Plugin).unwrap();
        }
        assert_eq!(claims.known().len(), MOST);
        assert!(claims.get(&SessionId::of("ada", "0")).is_none(), "the one that was silent longest is gone");
    }
}
