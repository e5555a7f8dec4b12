//! What a caller may see and change of stored rows: one answer for every route.
//!
//! Made of who asks, turned into conditions on `memories m`. Nothing filters afterwards: a row
//! that one may not see does not exist.

use rusqlite::Connection;

use super::{Asker, Caller, readable};
use crate::core::Error;
use crate::db::sql::{self, Conditions};

/// The rows one caller may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visible {
    /// Whose read policy decides; `None` sees the rows of all agents.
    reader: Option<String>,
    /// Only rows of this agent, whatever its policy.
    owner: Option<String>,
    /// Only rows of this project; rows without a project belong to no project.
    project: Option<String>,
    /// The agent whose rows alone may be changed.
    acts_for: Option<String>,
}

impl Visible {
    /// What an agent may read, by its policy: reads by id, recall. Also an admin's credential may
    /// carry a project.
    pub fn to_reader(asker: Asker<'_>) -> Result<Self, Error> {
        let agent = asker.caller.agent(asker.named_agent(), None)?;
        Ok(Visible {
            reader: Some(agent),
            project: asker.caller.forced_project().map(str::to_owned),
            ..Visible::default()
        })
    }

    /// What may be changed or looked into by id. Without a credential, and for an admin, that is
    /// everything, unless an agent is named: then what that agent may read. A scope narrows it
    /// further to the rows of its agent and of its project; a project binds an admin's credential too.
    pub fn to_changer(asker: Asker<'_>) -> Result<Self, Error> {
        let caller = asker.caller;
        let scope = caller.bound().map(|claims| &claims.scope);
        let reader = match (scope, asker.named_agent()) {
            (None, None) => None,
            (_, named) => Some(caller.agent(named, None)?),
        };
        Ok(Visible {
            reader,
            owner: None,
            project: caller.forced_project().map(str::to_owned),
            acts_for: scope.and_then(|s| s.agent.clone()),
        })
    }

    /// What lists show: every agent's rows, to a scoped credential those of its agent and project.
    pub fn to_lister(caller: &Caller) -> Self {
        let scope = caller.scoped().map(|claims| claims.scope.clone()).unwrap_or_default();
        Visible { owner: scope.agent, project: scope.project, ..Visible::default() }
    }

    /// What the dashboard shows: everything, to a credential what its agent may read.
    pub fn to_dashboard(asker: Asker<'_>) -> Result<Self, Error> {
        let agent = asker.caller.agent(asker.named, None)?;
        Ok(Visible {
            reader: asker.caller.claims().map(|_| agent),
            project: asker.caller.forced_project().map(str::to_owned),
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
            readable(connection, agent)?.filter(&mut all);
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

    /// Refuses the rows of an agent that the caller may not act for.
    pub fn check_acts_for(&self, agent: &str) -> Result<(), Error> {
        match &self.acts_for {
            Some(own) if own != agent => Err(Error::forbidden(format!("scope restricted to agent '{own}'"))),
            _ => Ok(()),
        }
    }

    /// The refusal in the words of a project's scope.
    pub fn project_refusal(&self) -> Error {
        let project = self.project.as_deref().unwrap_or_default();
        Error::forbidden(format!("scope restricted to project '{project}'"))
    }

    /// Leaves out rows of agents that the caller may not act for: for batches of changes.
    pub fn only_own(&self, all: &mut Conditions) {
        if let Some(agent) = &self.acts_for {
            all.and_with("COALESCE(NULLIF(m.agent_id, ''), 'default') = ?", agent.clone());
        }
    }
}
