//! The roster of agents, and what happens when one leaves it.

mod api;
mod routes;
mod store;

pub use routes::ROUTES;

use std::sync::Arc;

use rusqlite::Connection;

use crate::config::RosterEntry;
use crate::core::access::DEFAULT_AGENT;
use crate::core::{Core, Error};
use crate::db::Tx;
use api::{Agent, AgentList, NewAgent, Removed};

/// What a part that keeps rows of agents does when one leaves.
pub trait Leaving: Send + Sync {
    /// In the transaction that takes the agent off the roster. `purged`: its rows go for good, else they
    /// are only taken out of sight.
    fn agent_left(&self, tx: &Tx<'_>, agent: &str, purged: bool) -> rusqlite::Result<()>;

    /// After that transaction is on disk: what takes longer than one transaction should.
    fn after_agent_left(&self, agent: &str, purged: bool);
}

/// Rows of one answer.
const MOST: i64 = 5000;

pub struct Agents {
    core: Arc<Core>,
    /// Parts with rows of agents.
    leaving: Arc<[Arc<dyn Leaving>]>,
}

impl Agents {
    pub fn new(core: Arc<Core>, leaving: Vec<Arc<dyn Leaving>>) -> Self {
        Agents { core, leaving: leaving.into() }
    }

    /// All agents by name.
    fn list(&self) -> Result<AgentList, Error> {
        Ok(AgentList { agents: self.core.db.read(|c| store::list(c, MOST))? })
    }

    fn get(&self, id: &str) -> Result<Agent, Error> {
        self.core.db.read(|c| store::find(c, id))?.ok_or_else(|| Error::not_found("Agent not found"))
    }

    fn add(&self, new: NewAgent) -> Result<Agent, Error> {
        self.core.db.try_write(move |tx| {
            let group = new.policy_group.as_deref();
            if !store::insert(tx, &new.name, new.read_policy.0, group, tx.now())? {
                return Err(Error::conflict("Agent already exists"));
            }
            store::find(tx, &new.name)?.ok_or_else(|| Error::failed("the new agent is gone"))
        })
    }

    /// Takes an agent off the roster, with its rows as every part of the daemon handles them.
    fn remove(&self, id: &str, purged: bool) -> Result<Removed, Error> {
        if id == DEFAULT_AGENT {
            return Err(Error::malformed("the default agent cannot be removed"));
        }
        let (agent, leaving) = (id.to_owned(), Arc::clone(&self.leaving));
        let found = self.core.db.write(move |tx| {
            let found = store::remove(tx, &agent)?;
            if found {
                leaving.iter().try_for_each(|part| part.agent_left(tx, &agent, purged))?;
            }
            Ok(found)
        })?;
        if !found {
            return Err(Error::not_found("Agent not found"));
        }
        self.leaving.iter().for_each(|part| part.after_agent_left(id, purged));
        Ok(Removed { success: true, purged })
    }
}

/// Whether an agent is on the roster; the default one always is.
pub fn is_known(connection: &Connection, agent: &str) -> rusqlite::Result<bool> {
    Ok(agent == DEFAULT_AGENT || store::find(connection, agent)?.is_some())
}

/// An agent seen in a write joins the roster as `shared`.
pub fn register(tx: &Tx<'_>, agent: &str) -> rusqlite::Result<()> {
    if agent == DEFAULT_AGENT {
        return Ok(());
    }
    store::touch_or_add(tx, agent, tx.now())
}

/// Writes the configured roster at start; nothing is removed.
pub fn apply_roster(tx: &Tx<'_>, roster: &[RosterEntry]) -> rusqlite::Result<()> {
    roster.iter().try_for_each(|entry| {
        store::upsert(tx, &entry.name, entry.read_policy, entry.policy_group.as_deref(), tx.now())
    })
}
