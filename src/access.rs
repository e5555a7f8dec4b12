//! What a caller may see and change of stored rows: one answer for every route.
//!
//! Made from a request, turned into conditions on `memories m`. Nothing filters afterwards: a row
//! that one may not see does not exist.

use rusqlite::Connection;

use crate::agents;
use crate::auth::{Caller, Role, agent_of_session};
use crate::db::sql::{self, Conditions};
use crate::http::{ApiError, Request};

/// The rows one caller may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visible {
    /// Whose read policy decides; `None` sees the rows of all agents.
    reader: Option<String>,
    /// Only rows of this agent, whatever its policy.
    owner: Option<String>,
    /// Only rows of this project; rows without one are none of it.
    project: Option<String>,
    /// The agent whose rows alone may be changed.
    acts_for: Option<String>,
}

/// The agent that a request names, by parameter, header or session.
fn named(request: &Request) -> Option<&str> {
    let session = request.headers.text("x-signet-session-key").and_then(agent_of_session);
    request.query.text_of(&["agentId", "agent_id"]).or(request.headers.text("x-signet-agent-id")).or(session)
}

/// The claims whose scope binds.
fn bound_scope(caller: &Caller) -> Option<&crate::auth::Scope> {
    caller.claims().filter(|claims| claims.role != Role::Admin).map(|claims| &claims.scope)
}

impl Visible {
    /// What an agent may read, by its policy: reads by id, recall. Also an admin's credential may
    /// carry a project.
    pub fn to_reader(request: &Request) -> Result<Self, ApiError> {
        let agent = request.caller.agent(named(request), None)?;
        Ok(Visible {
            reader: Some(agent),
            project: request.caller.forced_project().map(str::to_owned),
            ..Visible::default()
        })
    }

    /// What may be changed or looked into by id. Without a credential, and for an admin, that is
    /// everything, unless an agent is named: then what that agent may read. A scope narrows it
    /// further to the rows of its agent and of its project; a project binds an admin's credential too.
    pub fn to_changer(request: &Request) -> Result<Self, ApiError> {
        let scope = bound_scope(&request.caller);
        let reader = match (scope, named(request)) {
            (None, None) => None,
            (_, named) => Some(request.caller.agent(named, None)?),
        };
        Ok(Visible {
            reader,
            owner: None,
            project: request.caller.forced_project().map(str::to_owned),
            acts_for: scope.and_then(|s| s.agent.clone()),
        })
    }

    /// What lists show: every agent's rows, to a scoped credential those of its agent and project.
    pub fn to_lister(caller: &Caller) -> Self {
        let scope = caller.scoped().map(|claims| claims.scope.clone()).unwrap_or_default();
        Visible { owner: scope.agent, project: scope.project, ..Visible::default() }
    }

    /// What the dashboard shows: everything, to a credential what its agent may read.
    pub fn to_dashboard(request: &Request) -> Result<Self, ApiError> {
        let named = request.query.text_of(&["agentId", "agent_id"]).or(request.headers.text("x-signet-agent-id"));
        let agent = request.caller.agent(named, None)?;
        Ok(Visible {
            reader: request.caller.claims().map(|_| agent),
            project: request.caller.forced_project().map(str::to_owned),
            ..Visible::default()
        })
    }

    /// Whether nothing is hidden.
    pub fn is_everything(&self) -> bool {
        self.reader.is_none() && self.owner.is_none() && self.project.is_none()
    }

    /// As conditions on `memories m`.
    pub fn conditions(&self, connection: &Connection) -> rusqlite::Result<Conditions> {
        let mut all = Conditions::default();
        if let Some(agent) = &self.reader {
            agents::readable(connection, agent)?.filter(&mut all);
        }
        self.narrow(&mut all);
        Ok(all)
    }

    /// The part of the conditions for which no policy is looked up: of a lister, all of it.
    pub fn narrow(&self, all: &mut Conditions) {
        if let Some(agent) = &self.owner {
            all.and("COALESCE(m.visibility, 'global') <> 'archived'");
            all.and_with("COALESCE(NULLIF(m.agent_id, ''), 'default') = ?", agent.clone());
        }
        if let Some(project) = &self.project {
            all.and_with("m.project = ?", project.clone());
        }
    }

    /// Whether a stored memory, deleted or not, may be seen.
    pub fn sees(&self, connection: &Connection, id: &str) -> rusqlite::Result<bool> {
        if self.is_everything() {
            return Ok(true);
        }
        let conditions = self.conditions(connection)?;
        let text = format!("SELECT 1 FROM memories m WHERE m.id = ? AND {}", conditions.sql());
        Ok(sql::row(connection, &text, conditions.after(&[&id]), |_| Ok(()))?.is_some())
    }

    /// Agent and project, for tables that know no read policy.
    pub fn agent_and_project(&self) -> (Option<&str>, Option<&str>) {
        (self.owner.as_deref().or(self.reader.as_deref()), self.project.as_deref())
    }

    /// Whether the credential is bound to another project than a row's.
    pub fn is_bound_elsewhere(&self, project: Option<&str>) -> bool {
        matches!((&self.project, project), (Some(own), Some(other)) if own != other)
    }

    /// 403 for the rows of an agent that the caller may not act for.
    pub fn check_acts_for(&self, agent: &str) -> Result<(), ApiError> {
        match &self.acts_for {
            Some(own) if own != agent => Err(ApiError::forbidden(format!("scope restricted to agent '{own}'"))),
            _ => Ok(()),
        }
    }

    /// 403 in the words of a project's scope.
    pub fn project_refusal(&self) -> ApiError {
        let project = self.project.as_deref().unwrap_or_default();
        ApiError::forbidden(format!("scope restricted to project '{project}'"))
    }

    /// Leaves out rows of agents that the caller may not act for: for batches of changes.
    pub fn only_own(&self, all: &mut Conditions) {
        if let Some(agent) = &self.acts_for {
            all.and_with("COALESCE(NULLIF(m.agent_id, ''), 'default') = ?", agent.clone());
        }
    }
}
