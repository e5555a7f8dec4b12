//! Sessions that live: claimed ones, and those that were only announced.

use super::{Bypassed, LiveSession, LiveSessions, Renewed, TranscriptAnswer};
use crate::core::Error;
use crate::core::access::Visible;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::claims::{Claim, SessionId, plain_key};
use crate::parts::sessions::peers::{Presence, Wanted};
use crate::parts::sessions::store::transcripts;
use crate::text::time;

fn unknown() -> Error {
    Error::not_found("Session not found")
}

/// Whose live sessions.
#[derive(Debug, Clone)]
pub struct LiveOf<'a> {
    pub agent: String,
    /// Only those at work on this project. A session that nobody has announced is at work on none.
    pub project: Option<&'a str>,
}

impl Sessions {
    fn claimed(&self, id: &SessionId, claim: Claim) -> LiveSession {
        LiveSession {
            key: id.key.clone(),
            agent_id: Some(id.agent.clone()),
            runtime_path: Some(claim.path).into(),
            claimed_at: time::iso(claim.claimed_at),
            expires_at: Some(time::iso(claim.expires_at)),
            bypassed: self.claims.is_bypassed(id),
        }
    }

    fn announced(&self, agent: &str, presence: &Presence) -> Option<LiveSession> {
        let key = presence.session_key.clone()?;
        let bypassed = self.claims.is_bypassed(&SessionId::of(agent, &key));
        Some(LiveSession {
            key,
            agent_id: None,
            runtime_path: presence.runtime_path.into(),
            claimed_at: presence.started_at.clone(),
            expires_at: None,
            bypassed,
        })
    }

    fn is_shown(&self, of: &LiveOf<'_>, key: &str) -> bool {
        let at_work_on = || self.peers.of_session(&of.agent, key).and_then(|row| row.project);
        of.project.is_none() || of.project == at_work_on().as_deref()
    }

    /// An agent's live sessions, newest first.
    pub fn live_sessions(&self, of: &LiveOf<'_>) -> LiveSessions {
        let agent = of.agent.as_str();
        let claims = self.claims.of_agent(agent);
        let claims = claims.iter().filter(|(id, _)| self.is_shown(of, &id.key));
        let mut sessions: Vec<LiveSession> = claims.map(|(id, claim)| self.claimed(id, *claim)).collect();
        let project = of.project.map(str::to_owned);
        let wanted = Wanted { agent: agent.to_owned(), include_self: true, project, ..Wanted::default() };
        for presence in self.peers.list(&wanted, usize::MAX).iter().filter(|row| row.agent_id == agent) {
            let fresh = self.announced(agent, presence).filter(|row| !sessions.iter().any(|s| s.key == row.key));
            sessions.extend(fresh);
        }
        sessions.sort_by(|a, b| b.claimed_at.cmp(&a.claimed_at).then_with(|| a.key.cmp(&b.key)));
        LiveSessions { count: sessions.len(), sessions }
    }

    pub fn live_session(&self, of: &LiveOf<'_>, key: &str) -> Result<LiveSession, Error> {
        if !self.is_shown(of, key) {
            return Err(unknown());
        }
        let agent = of.agent.as_str();
        let id = SessionId::of(agent, key);
        let claimed = self.claims.get(&id).map(|claim| self.claimed(&id, claim));
        claimed.or_else(|| self.announced(agent, &self.peers.of_session(agent, key)?)).ok_or_else(unknown)
    }

    /// Switches whether hooks of a live session do nothing.
    pub fn bypass(&self, agent: &str, key: &str, on: bool) -> Bypassed {
        self.claims.bypass(&SessionId::of(agent, key), on);
        Bypassed { key: plain_key(key).to_owned(), bypassed: on }
    }

    pub fn renew(&self, of: &LiveOf<'_>, key: &str) -> Result<Renewed, Error> {
        if !self.is_shown(of, key) {
            return Err(unknown());
        }
        let id = SessionId::of(&of.agent, key);
        let until = self.claims.renew(&id);
        let touched = self.peers.touch_session(&of.agent, key);
        if until.is_none() && !touched {
            return Err(unknown());
        }
        Ok(Renewed { key: id.key, renewed: true, expires_at: until.map(time::iso) })
    }

    /// What a session said.
    pub fn transcript(&self, visible: &Visible, key: &str) -> Result<TranscriptAnswer, Error> {
        let (agent, bound_to) = visible.agent_and_project();
        let agent = agent.unwrap_or(crate::core::access::DEFAULT_AGENT);
        let plain = plain_key(key);
        let found = self.core.db.read(|c| {
            let stored = transcripts::find(c, agent, plain, bound_to)?;
            // a client may have stored it with the prefix
            let prefixed = format!("session:{plain}");
            Ok(match stored {
                None => transcripts::find(c, agent, &prefixed, bound_to)?,
                some => some,
            })
        })?;
        let stored = found.ok_or_else(|| Error::not_found("Transcript not found"))?;
        Ok(TranscriptAnswer { session_key: plain.to_owned(), agent_id: agent.to_owned(), content: stored.content })
    }

    /// How many sessions live, and how many of them are bypassed.
    pub fn counts(&self) -> (usize, usize) {
        self.claims.counts()
    }
}
