//! The channel of the knowledge graph (memory part, §6.3): from entities that the question names to
//! the memories behind them.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::words;
use crate::config::Pipeline;
use crate::db::sql::Conditions;
use crate::parts::knowledge::Entity;
use crate::parts::knowledge::graph as knowledge;

/// What the graph says to a question.
#[derive(Debug, Default)]
pub struct Graph {
    /// The entities the question names.
    pub focal: Vec<Entity>,
    /// Memories that a walk meets with the highest importance met on the way, by rowid.
    pub walked: HashMap<i64, f64>,
    /// Memories that mention the entities or one related to them; only where walked memories are
    /// no candidates of their own.
    pub linked: HashSet<i64>,
}

impl Graph {
    /// A failure costs this channel, never the recall.
    pub fn of(connection: &Connection, agent: &str, question: &str, config: &Pipeline, filter: &Conditions) -> Self {
        Self::look(connection, agent, question, config, filter).unwrap_or_else(|cause| {
            log::warn!(target: "memory", "recall goes on without the graph: {cause}");
            Graph::default()
        })
    }

    fn look(
        connection: &Connection,
        agent: &str,
        question: &str,
        config: &Pipeline,
        filter: &Conditions,
    ) -> rusqlite::Result<Self> {
        let focal = knowledge::focal_entities(connection, agent, &words::naming_words(question))?;
        let mut graph = Graph::default();
        if focal.is_empty() {
            return Ok(graph);
        }
        let walks = config.traversal.enabled;
        if walks {
            graph.walked = knowledge::walk(connection, agent, &focal, &config.traversal, filter)?;
        }
        if !(walks && config.traversal.primary) {
            graph.linked = knowledge::linked_memories(connection, &focal, config.graph.boost_time, filter)?;
        }
        graph.focal = focal;
        Ok(graph)
    }
}
