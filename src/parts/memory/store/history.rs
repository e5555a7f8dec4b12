//! `memory_history`: what was changed, by whom and why.

use rusqlite::{Connection, named_params};
use serde_json::Value;

use crate::core::access::Actor;
use crate::db::{Tx, sql};
use crate::parts::memory::api::Event;

/// One applied change.
#[derive(Debug)]
pub struct NewEvent<'a> {
    pub memory_id: &'a str,
    pub event: &'static str,
    pub old_content: Option<&'a str>,
    pub new_content: Option<&'a str>,
    pub reason: Option<&'a str>,
    pub metadata: Value,
    pub actor: &'a Actor,
}

pub fn add(tx: &Tx<'_>, e: &NewEvent<'_>) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO memory_history (id, memory_id, event, old_content, new_content, changed_by, reason, metadata,
           created_at, actor_type, session_id, request_id)
         VALUES (:id, :memory, :event, :old, :new, :by, :reason, :metadata, :now, :actor_type, :session, :request)",
        named_params! {
            ":id": tx.ordered_id(), ":memory": e.memory_id, ":event": e.event, ":old": e.old_content,
            ":new": e.new_content, ":by": e.actor.changed_by, ":reason": e.reason,
            ":metadata": e.metadata.to_string(), ":now": tx.now(), ":actor_type": e.actor.actor_type,
            ":session": e.actor.session_id, ":request": e.actor.request_id,
        },
    )?;
    Ok(())
}

/// Oldest first.
pub fn of_memory(connection: &Connection, memory_id: &str, limit: i64) -> rusqlite::Result<Vec<Event>> {
    sql::rows(
        connection,
        "SELECT id, event, old_content, new_content, changed_by, actor_type, reason, metadata, created_at, session_id,
           request_id
         FROM memory_history WHERE memory_id = ?1 ORDER BY created_at, rowid LIMIT ?2",
        (memory_id, limit),
        |row| {
            let metadata: Option<String> = row.get(7)?;
            Ok(Event {
                id: row.get(0)?,
                event: row.get(1)?,
                old_content: row.get(2)?,
                new_content: row.get(3)?,
                changed_by: row.get(4)?,
                actor_type: row.get(5)?,
                reason: row.get(6)?,
                metadata: metadata
                    .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text))),
                created_at: row.get(8)?,
                session_id: row.get(9)?,
                request_id: row.get(10)?,
            })
        },
    )
}
