//! What the routes of checkpoints take and answer.

use super::redact;
use crate::http::input::{Loose, Positive, Text};
use crate::parts::sessions::store::checkpoints::Row;
use crate::{answer, input};

input! {
    /// Which checkpoints.
    pub struct CheckpointQuery in Query {
        /// Of this project.
        project: Text = "project";
        /// Rows of the answer; 10 when left out.
        limit: Loose<Positive<100>> = "limit";
        /// Whose.
        agent_id: Option<Text> = "agent_id" | "agentId";
    }
}

input! {
    /// Whose checkpoints.
    pub struct SessionCheckpointQuery in Query {
        /// The agent of the session.
        agent_id: Option<Text> = "agent_id" | "agentId";
    }
}

answer! {
    /// The digest of a running session.
    pub struct Checkpoint {
        pub id: String = "id";
        pub session_key: String = "session_key";
        pub harness: String = "harness";
        pub project: Option<String> = "project";
        /// Where the project's links lead.
        pub project_normalized: Option<String> = "project_normalized";
        /// `periodic`, `pre_compaction`, `session_end` or `mid_session_extract`.
        pub trigger: String = "trigger";
        /// Markdown, without secrets.
        pub digest: String = "digest";
        pub prompt_count: i64 = "prompt_count";
        /// A JSON list.
        pub memory_queries: Option<String> = "memory_queries";
        /// A JSON list.
        pub recent_remembers: Option<String> = "recent_remembers";
        /// A JSON list.
        pub focal_entity_ids: Option<String> = "focal_entity_ids";
        /// A JSON list.
        pub focal_entity_names: Option<String> = "focal_entity_names";
        /// A JSON list.
        pub active_aspect_ids: Option<String> = "active_aspect_ids";
        pub surfaced_constraint_count: Option<i64> = "surfaced_constraint_count";
        pub traversal_memory_count: Option<i64> = "traversal_memory_count";
        pub created_at: String = "created_at";
    }
}

answer! {
    /// Checkpoints.
    pub struct CheckpointList {
        /// Newest first.
        pub checkpoints: Vec<Checkpoint> = "checkpoints";
        pub count: usize = "count";
    }
}

impl From<Row> for Checkpoint {
    /// Also what other programs stored is shown without secrets.
    fn from(row: Row) -> Self {
        Checkpoint {
            id: row.id,
            session_key: row.session_key,
            harness: row.harness,
            project: row.project,
            project_normalized: row.project_normalized,
            trigger: row.trigger,
            digest: redact(&row.digest),
            prompt_count: row.prompt_count,
            memory_queries: row.memory_queries.as_deref().map(safe_list),
            recent_remembers: row.recent_remembers.as_deref().map(safe_list),
            focal_entity_ids: row.focal_entity_ids,
            focal_entity_names: row.focal_entity_names,
            active_aspect_ids: row.active_aspect_ids,
            surfaced_constraint_count: row.surfaced_constraint_count,
            traversal_memory_count: row.traversal_memory_count,
            created_at: row.created_at,
        }
    }
}

/// A JSON list without secrets in its texts; what is none is a text.
fn safe_list(stored: &str) -> String {
    match serde_json::from_str::<Vec<String>>(stored) {
        Ok(items) => serde_json::Value::from(items.iter().map(|item| redact(item)).collect::<Vec<_>>()).to_string(),
        Err(_) => redact(stored),
    }
}

impl CheckpointList {
    pub fn of(rows: Vec<Row>) -> Self {
        CheckpointList { count: rows.len(), checkpoints: rows.into_iter().map(Checkpoint::from).collect() }
    }
}
