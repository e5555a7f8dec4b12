//! The roster of agents and what each may read.

mod routes;
pub mod store;

pub use routes::ROUTES;

use rusqlite::Connection;

use crate::auth::DEFAULT_AGENT;
use crate::config::RosterEntry;
use crate::db::sql::Conditions;

/// `agents.read_policy` (foundation part, §4).
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
    let policy = match store::find(connection, agent)? {
        Some(row) => match (row.read_policy.as_str(), row.policy_group) {
            ("shared", _) => ReadPolicy::Shared,
            ("group", Some(group)) if !group.is_empty() => ReadPolicy::Group(group),
            _ => ReadPolicy::Isolated,
        },
        None => ReadPolicy::Isolated,
    };
    Ok(Readable { agent: agent.to_owned(), policy })
}

/// An agent seen in a write joins the roster as `shared`.
pub fn register(connection: &Connection, agent: &str, now: &str) -> rusqlite::Result<()> {
    if agent == DEFAULT_AGENT {
        return Ok(());
    }
    store::touch_or_add(connection, agent, now)
}

/// Writes the configured roster at start; nothing is removed.
pub fn apply_roster(connection: &Connection, roster: &[RosterEntry], now: &str) -> rusqlite::Result<()> {
    roster.iter().try_for_each(|entry| {
        store::upsert(connection, &entry.name, &entry.read_policy, entry.policy_group.as_deref(), now)
    })
}
