//! The graph as recall reads it: from the words of a question to entities, from those to the memories
//! behind their claims, and what is known of an entity in short.
//!
//! Everything that names a memory is filtered in SQL by conditions of the caller (they speak of
//! `memories m`): a claim of a memory that may not be read is not there. Contract:
//! knowledge-ontology.md ("Traversal") and memory.md, §6.3.

mod describe;
mod walk;

pub use describe::{Described, describe};
pub use walk::{linked_memories, walk};

use rusqlite::Connection;

pub use super::store::graph::rationales;
use super::store::graph::{self, Entity, any_entity};
use crate::db::sql;

/// Entities that a question is about, at most.
const FOCAL: i64 = 20;

/// The entities of an agent that the words of a question name, best match first: by any whole word,
/// else by a part of their name. Pinned entities have no advantage here.
pub fn focal_entities(connection: &Connection, agent: &str, words: &[String]) -> rusqlite::Result<Vec<Entity>> {
    if words.is_empty() || !any_entity(connection)? {
        return Ok(Vec::new());
    }
    let quoted: Vec<String> = words.iter().map(|w| sql::fts_quote(w)).collect();
    // the groups that chunks of long memories form are no subject of a question
    let expression = format!("({}) NOT \"chunk group\"", quoted.join(" OR "));
    let found = graph::named_by(connection, agent, &expression, FOCAL)?;
    if found.is_empty() { graph::named_in_part(connection, agent, words, FOCAL) } else { Ok(found) }
}
