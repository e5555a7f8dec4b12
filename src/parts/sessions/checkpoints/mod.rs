//! Digests of running sessions: from time to time, before a compaction and at the end, so that who goes on later
//! can be told where work stood.

mod api;
mod continuity;
mod redact;
mod routes;

pub use continuity::{Continuity, Progress, Rhythm, Structure, Trigger};
pub use redact::redact;
pub use routes::ROUTES;

use jiff::SignedDuration;

use super::Sessions;
use super::claims::SessionId;
use super::store::checkpoints::{self as store, Row};
use crate::core::Error;
use crate::core::access::Visible;
use crate::db::Tx;
use crate::text::time;

/// Rows that are pruned at a time.
const PRUNED: i64 = 500;
/// Rows of one session that are shown.
const SHOWN: i64 = 500;

/// A checkpoint on its way into the database, and whose it is.
#[derive(Debug, Clone)]
pub struct Draft {
    row: Row,
    agent: String,
    most: i64,
}

impl Draft {
    /// Stores it.
    pub fn store(&self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        let row = Row { id: tx.random_id(), created_at: tx.now().to_owned(), ..self.row.clone() };
        store::insert(tx, &row, &self.agent, self.most)
    }
}

/// A project as it is compared: where its links lead.
pub fn real_project(project: &str) -> String {
    std::fs::canonicalize(project).map_or_else(|_| project.to_owned(), |path| path.display().to_string())
}

impl Sessions {
    /// A checkpoint of what a session has done, without secrets. `None` when checkpoints are off.
    pub fn draft(&self, id: &SessionId, done: &Progress, trigger: Trigger, context: Option<&str>) -> Option<Draft> {
        let continuity = &self.core.config().pipeline.continuity;
        if !continuity.enabled {
            return None;
        }
        let list = |items: Vec<&String>| serde_json::to_string(&items).ok().filter(|_| !items.is_empty());
        let safe = |items: &std::collections::VecDeque<String>| items.iter().map(|i| redact(i)).collect::<Vec<_>>();
        let (queries, remembers) = (safe(&done.queries), safe(&done.remembers));
        let structure = done.structure.as_ref();
        let row = Row {
            id: String::new(),
            session_key: done.key.clone(),
            harness: done.harness.clone(),
            project: done.project.clone(),
            project_normalized: done.project.as_deref().map(real_project),
            trigger: trigger.as_str().to_owned(),
            digest: redact(&self.digest(done, trigger, context)),
            prompt_count: done.prompts,
            memory_queries: list(queries.iter().collect()),
            recent_remembers: list(remembers.iter().collect()),
            focal_entity_ids: structure.and_then(|s| list(s.focal_ids.iter().collect())),
            focal_entity_names: structure.and_then(|s| list(s.focal_names.iter().collect())),
            active_aspect_ids: None,
            surfaced_constraint_count: structure.map(|s| s.constraints as i64),
            traversal_memory_count: structure.map(|s| s.memories as i64),
            created_at: String::new(),
        };
        Some(Draft { row, agent: id.agent.clone(), most: continuity.most })
    }

    /// What a session has done, in Markdown.
    fn digest(&self, done: &Progress, trigger: Trigger, context: Option<&str>) -> String {
        let title = match trigger {
            Trigger::Periodic | Trigger::Extract => "Session Checkpoint",
            Trigger::PreCompaction => "Pre-Compaction Checkpoint",
            Trigger::SessionEnd => "Session End Checkpoint",
        };
        let minutes = done.started.duration_until(self.core.clock.now()).as_mins();
        let mut text = format!("## {title}\n");
        if let Some(project) = &done.project {
            text += &format!("Project: {project}\n");
        }
        text += &format!("Prompts: {} over {minutes} minutes\n", done.prompts);
        if let Some(structure) = done.structure.as_ref().filter(|s| !s.focal_names.is_empty()) {
            text += &format!("\n### Structural Context\nFocus: {}\n", structure.focal_names.join(", "));
        }
        if let Some(context) = context.map(str::trim).filter(|context| !context.is_empty()) {
            text += &format!("\n### Context\n{context}\n");
        }
        if !done.snippets.is_empty() {
            text += "\n### Recent Prompts\n";
            done.snippets.iter().for_each(|snippet| text += &format!("- {snippet}\n"));
        }
        if !done.queries.is_empty() || !done.remembers.is_empty() {
            text += "\n### Memory Activity\n";
            done.queries.iter().rev().take(5).for_each(|terms| text += &format!("- asked about: {terms}\n"));
            done.remembers.iter().for_each(|content| text += &format!("- remembered: {content}\n"));
        }
        text
    }

    /// Writes the checkpoints that are due; `all` without waiting for their time.
    pub fn write_due(&self, all: bool) {
        for id in self.continuity.due(all) {
            let Some(done) = self.continuity.take(&id) else { continue };
            let Some(draft) = self.draft(&id, &done, Trigger::Periodic, None) else { continue };
            if let Err(cause) = self.core.db.write(move |tx| draft.store(tx)) {
                log::warn!(target: "sessions", "a checkpoint was not written: {cause}");
            }
        }
    }

    /// Deletes checkpoints past their time; whether that was all.
    pub fn prune_checkpoints(&self) -> Result<bool, crate::db::Error> {
        let days = self.core.config().pipeline.continuity.days;
        let before = time::iso(self.core.clock.now() - SignedDuration::from_hours(24 * days));
        let pruned = self.core.db.write(move |tx| store::prune(tx, &before, PRUNED))?;
        Ok((pruned as i64) < PRUNED)
    }

    fn checkpoints_of_project(&self, visible: &Visible, project: &str, limit: i64) -> Result<Vec<Row>, Error> {
        let (agent, _) = visible.agent_and_project();
        let project = real_project(project);
        Ok(self.core.db.read(|c| store::of_project(c, agent, &project, limit))?)
    }

    fn checkpoints_of_session(&self, visible: &Visible, key: &str) -> Result<Vec<Row>, Error> {
        let (agent, bound_to) = visible.agent_and_project();
        Ok(self.core.db.read(|c| store::of_session(c, agent, key, bound_to, SHOWN))?)
    }
}
