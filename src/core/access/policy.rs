//! What an agent may read of the rows of others (foundation part, §4), as conditions on `memories m`.

use rusqlite::Connection;

use crate::config::PolicyName;
use crate::db::sql::{self, Conditions};

/// `agents.read_policy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadPolicy {
    /// Own rows only.
    Isolated,
    /// Every agent's global rows and all own ones.
    Shared,
    /// Global rows of the agents of one group and all own ones.
    Group(String),
}

/// What one agent may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    pub agent: String,
    pub policy: ReadPolicy,
}

impl Readable {
    /// Adds the filter for rows of `memories` under the alias `m`.
    pub fn filter(&self, conditions: &mut Conditions) {
        conditions.and("COALESCE(m.visibility, 'global') <> 'archived'");
        match &self.policy {
            ReadPolicy::Isolated => {
                conditions.and_with("COALESCE(NULLIF(m.agent_id, ''), 'default') = ?", self.agent.clone());
            }
            ReadPolicy::Shared => {
                conditions.and_with(
                    "(COALESCE(m.visibility, 'global') = 'global'
                      OR COALESCE(NULLIF(m.agent_id, ''), 'default') = ?)",
                    self.agent.clone(),
                );
            }
            ReadPolicy::Group(group) => {
                conditions
                    .and_with(
                        "((COALESCE(m.visibility, 'global') = 'global' AND COALESCE(NULLIF(m.agent_id, ''), 'default')
                           IN (SELECT id FROM agents WHERE policy_group = ?))
                          OR COALESCE(NULLIF(m.agent_id, ''), 'default') = ?)",
                        group.clone(),
                    )
                    .value(self.agent.clone());
            }
        }
    }
}

/// The policy of an agent; one that is not on the roster is isolated.
pub fn readable(connection: &Connection, agent: &str) -> rusqlite::Result<Readable> {
    let row: Option<(String, Option<String>)> =
        sql::row(connection, "SELECT read_policy, policy_group FROM agents WHERE id = ?1", [agent], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let policy = match row.and_then(|(policy, group)| Some((PolicyName::parse(&policy)?, group))) {
        Some((PolicyName::Shared, _)) => ReadPolicy::Shared,
        Some((PolicyName::Group, Some(group))) if !group.is_empty() => ReadPolicy::Group(group),
        _ => ReadPolicy::Isolated,
    };
    Ok(Readable { agent: agent.to_owned(), policy })
}
