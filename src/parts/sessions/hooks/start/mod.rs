//! A conversation begins: its session is claimed and announced, and it is given what it should know.

mod candidates;
mod identity;
mod inherit;
mod inject;
mod starts;

pub use starts::Starts;

use super::api::{StartAnswer, StartMemory};
use super::call::{Admitted, Call};
use super::end::{SHORTEST, shortened};
use super::explicit::held;
use crate::core::Error;
use crate::core::access::{ReadPolicy, readable};
use crate::parts::agents;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::browse::LiveOf;
use crate::parts::sessions::checkpoints::Structure;
use crate::parts::sessions::store::epochs;
use crate::parts::sessions::store::summary_jobs::{self, SummaryJob};
use crate::parts::sessions::store::transcripts::{self, Stored};
use crate::parts::sessions::transcripts::is_noise;
use candidates::Chosen;
pub use candidates::start_key;
use identity::Files;
use inject::{Tails, constraints_block};
use sha2::{Digest, Sha256};

/// Conversations of a project that are looked at for one whose session is at rest.
const LOOKED_AT: i64 = 8;

/// How a conversation begins.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    pub parent: Option<String>,
    pub harness_agent: Option<String>,
    /// The conversation so far is to be forgotten.
    pub clear: bool,
    /// The harness has compacted its context: what it was shown is gone, the conversation is not.
    pub compacted: bool,
}

impl Sessions {
    /// Begins a conversation.
    pub fn start(&self, call: &Call, opening: &Opening) -> Result<StartAnswer, Error> {
        match self.admit(call, true) {
            Admitted::Held { by, .. } => return Err(held(by)),
            Admitted::Bypassed => return Ok(StartAnswer { bypassed: Some(true), ..StartAnswer::default() }),
            Admitted::Go { .. } => {}
        }
        if self.core.mutable().is_ok() {
            self.register(call, opening)?;
        }
        if opening.clear || opening.compacted {
            self.starts.forget(call);
        }
        if opening.clear {
            call.session().and_then(|id| self.continuity.end(&id));
        }
        self.count(call, None);
        if self.starts.is_given(call) {
            return Ok(StartAnswer {
                identity: Some(identity::nobody()),
                inject: self.stub(),
                warnings: self.warnings(call),
                ..StartAnswer::default()
            });
        }
        let answer = self.beginning(call, opening);
        self.starts.give(call);
        Ok(answer)
    }

    /// The agent joins the roster; what is to be forgotten is.
    fn register(&self, call: &Call, opening: &Opening) -> Result<(), Error> {
        let summary = if opening.clear { self.cleared(call)? } else { None };
        let (agent, key, start_key) = (call.agent.clone(), call.key.clone(), start_key(call));
        let reason = match (opening.clear, opening.compacted) {
            (true, _) => Some("session-clear"),
            (false, true) => Some("session-compact"),
            (false, false) => None,
        };
        let nothing = summary.is_none() && reason.is_none();
        if nothing && self.core.db.read(|c| agents::is_known(c, &agent))? {
            return Ok(());
        }
        Ok(self.core.db.write(move |tx| {
            agents::register(tx, &agent)?;
            if let Some((job, of_key)) = &summary {
                if let Some(job) = job {
                    summary_jobs::insert(tx, job)?;
                }
                transcripts::delete(tx, &agent, of_key)?;
            }
            if let Some(reason) = reason {
                epochs::advance(tx, &start_key, &agent, reason)?;
                key.as_ref().map(|key| epochs::advance(tx, key, &agent, reason)).transpose()?;
            }
            Ok(())
        })?)
    }

    /// The newest conversation of a project; one whose session is still at work only where there is no other.
    fn last_of_project(&self, call: &Call, project: &str) -> Result<Option<Stored>, Error> {
        let of = LiveOf { agent: call.agent.clone(), project: None };
        let newest =
            self.core.db.read(|c| transcripts::newest_of(c, &call.agent, &call.harness, project, "", LOOKED_AT))?;
        let at_rest = newest.iter().position(|stored| self.live_session(&of, &stored.key).is_err());
        Ok(newest.into_iter().nth(at_rest.unwrap_or(0)))
    }

    /// The conversation that is cleared, and the job to summarise it if that is worth it.
    fn cleared(&self, call: &Call) -> Result<Option<(Option<SummaryJob>, String)>, Error> {
        let agent = call.agent.as_str();
        let own = match &call.key {
            Some(key) => self.core.db.read(|c| transcripts::find(c, agent, key, call.bound_to()))?,
            None => None,
        };
        let found = match (own, &call.project) {
            (None, Some(project)) => self.last_of_project(call, project)?,
            (own, _) => own,
        };
        let Some(stored) = found else { return Ok(None) };
        let text = stored.content.trim();
        let hash = &crate::text::hex(&Sha256::digest(text.as_bytes()))[..16];
        let session_id = format!("session-end:{}:{hash}", stored.key);
        let project = stored.project.clone().or(call.project.clone());
        let noise = is_noise(project.as_deref(), Some(&stored.key), None, &call.harness);
        let known = self.core.db.read(|c| summary_jobs::stands(c, agent, &stored.key, &session_id))?;
        let wanted = self.summarises() && !noise && !known && text.chars().count() >= SHORTEST;
        let job = wanted.then(|| SummaryJob {
            session_key: Some(stored.key.clone()),
            session_id,
            harness: call.harness.clone(),
            project,
            agent: call.agent.clone(),
            transcript: shortened(text),
            trigger: "session_end",
            captured_at: self.core.now(),
            started_at: Some(stored.created_at.clone()),
            ended_at: Some(self.core.now()),
        });
        Ok(Some((job, stored.key)))
    }

    /// Whether an agent reads its own rows only; one of whom nothing can be found out does.
    fn is_isolated(&self, agent: &str) -> bool {
        let policy = self.core.db.read(|c| readable(c, agent));
        policy.map_or(true, |found| found.policy == ReadPolicy::Isolated)
    }

    /// What the session does is counted from here on; what was counted of it before stays.
    fn count(&self, call: &Call, structure: Option<Structure>) {
        if let (Some(id), Some(key)) = (call.session(), call.key.as_deref()) {
            self.continuity.begin(&id, key, &call.harness, call.project.as_deref(), structure);
        }
    }

    /// All that a first start is given. What cannot be had is left out.
    fn beginning(&self, call: &Call, opening: &Opening) -> StartAnswer {
        let config = self.core.config();
        let hooks = config.hooks.of(&call.harness);
        let left_out =
            |what: &str, cause: Error| log::warn!(target: "sessions", "a session begins without {what}: {cause}");
        let files = Files {
            workspace: &self.core.env.workspace,
            agent: &call.agent,
            confined: call.confined || self.is_isolated(&call.agent),
            by_project: call.bound_to().is_some(),
        };
        let shown = files.shown(&config.identity, &hooks);
        let chosen = self.choose(call, &config, &hooks.start).unwrap_or_else(|cause| {
            left_out("memories", cause);
            Chosen::default()
        });
        let tails = Tails {
            constraints: constraints_block(&chosen.constraints),
            inherited: self.inherited(call, opening).unwrap_or_else(|cause| {
                left_out("its parent's context", cause);
                None
            }),
            recovery: self.recovery(call).unwrap_or_else(|cause| {
                left_out("its last checkpoint", cause);
                None
            }),
        };
        self.count(call, chosen.structure.clone());
        let inject = self.inject(call, &shown, &chosen, tails, hooks.start.most_tokens);
        let mut warnings = self.warnings(call).unwrap_or_default();
        warnings.extend(hooks.missing.map(|name| format!("hooks.contextProfiles has no profile {name}")));
        let memories = chosen.memories.into_iter().map(|c| StartMemory {
            id: c.memory.id,
            content: c.memory.content,
            kind: c.memory.kind,
            importance: c.memory.importance,
            created_at: c.memory.created_at,
        });
        StartAnswer {
            identity: shown.identity,
            memories: memories.collect(),
            recent_context: shown.memory,
            inject,
            warnings: (!warnings.is_empty()).then_some(warnings),
            bypassed: None,
        }
    }
}
