//! A hook's call resolved: who calls, in which session, and whether it may go on.

use crate::core::Error;
use crate::core::access::Visible;
use crate::parts::sessions::Sessions;
use crate::parts::sessions::claims::{RuntimePath, SessionId};
use crate::parts::sessions::peers::Seen;
use crate::parts::sessions::store::transcripts;

/// Who calls, and for which session.
#[derive(Debug, Clone)]
pub struct Call {
    pub harness: String,
    pub agent: String,
    /// As the client wrote it.
    pub key: Option<String>,
    pub project: Option<String>,
    pub path: Option<RuntimePath>,
    /// What the agent may see of stored rows.
    pub visible: Visible,
    /// The credential is bound to an agent or a project.
    pub confined: bool,
}

impl Call {
    pub fn session(&self) -> Option<SessionId> {
        self.key.as_deref().map(|key| SessionId::of(&self.agent, key))
    }

    /// The project that the credential is bound to.
    pub fn bound_to(&self) -> Option<&str> {
        self.visible.agent_and_project().1
    }

    fn seen(&self) -> Seen {
        Seen {
            agent: self.agent.clone(),
            session_key: self.key.clone(),
            harness: self.harness.clone(),
            project: self.project.clone(),
            runtime_path: self.path,
            provider: Some(self.harness.clone()),
        }
    }
}

/// What becomes of a call before its work begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Whether the session had a live claim before.
    Go {
        known: bool,
    },
    Bypassed,
    /// The other runtime holds the session.
    Held {
        by: RuntimePath,
        known: bool,
    },
}

impl Sessions {
    /// A credential that is bound to a project has no business in a session of another: neither in one that lives
    /// nor in what is stored of one.
    pub fn check_project(&self, call: &Call) -> Result<(), Error> {
        let (Some(own), Some(id), Some(key)) = (call.bound_to(), call.session(), call.key.as_deref()) else {
            return Ok(());
        };
        let refused = || Err(call.visible.project_refusal());
        if self.peers.of_session(&call.agent, key).is_some_and(|row| row.project.as_deref() != Some(own)) {
            return refused();
        }
        if self.continuity.project(&id).is_some_and(|project| project.as_deref() != Some(own)) {
            return refused();
        }
        match self.core.db.read(|c| transcripts::project(c, &call.agent, key))? {
            Some(project) if project.as_deref() != Some(own) => refused(),
            _ => Ok(()),
        }
    }

    /// Claims the session for the caller's runtime; whether it was claimed before.
    pub fn claim(&self, call: &Call) -> Result<bool, RuntimePath> {
        let Some(id) = call.session() else { return Ok(false) };
        let known = self.claims.get(&id).is_some();
        if let Some(path) = call.path {
            self.claims.claim(&id, path)?;
        }
        Ok(known)
    }

    pub fn is_bypassed(&self, call: &Call) -> bool {
        call.session().is_some_and(|id| self.claims.is_bypassed(&id))
    }

    /// Of hooks that harnesses call by themselves: claim, presence, last seen, bypass.
    pub fn admit(&self, call: &Call, announce: bool) -> Admitted {
        let known = match self.claim(call) {
            Ok(known) => known,
            Err(by) => return Admitted::Held { by, known: true },
        };
        match announce {
            true => drop(self.peers.announce(call.seen())),
            false => self.peers.touch(call.seen()),
        }
        self.harnesses.stamp(&call.harness);
        if self.is_bypassed(call) { Admitted::Bypassed } else { Admitted::Go { known } }
    }

    /// What is told of the session's claim: that it ends soon.
    pub fn warnings(&self, call: &Call) -> Option<Vec<String>> {
        let warning = call.session().and_then(|id| self.claims.warning(&id))?;
        Some(vec![warning])
    }
}
