//! Memories: store, change, forget, recall.
//!
//! A write becomes rows of `memories` and its companions in one transaction; recall gathers
//! candidates from several channels, filters them by what the caller may read, scores and
//! shapes them. Contract: docs/api/memory.md.

mod access;
mod aggregate;
mod batch;
mod chunk;
mod content;
mod embed;
mod feedback;
mod filters;
mod index;
mod link;
mod list;
mod mutate;
mod note;
mod projection;
mod recall;
mod remember;
mod retention;
mod routes;
mod similar;
mod store;
mod structured;
mod temporal;
mod timeline;

pub use access::AccessCounts;
pub use retention::{agent_left, sweep};
pub use routes::ROUTES;

use crate::app::App;
use crate::http::ApiError;
use embed::Embedder;
use index::{Index, Vector};

/// What the part keeps in memory between requests.
#[derive(Default)]
pub struct State {
    pub access: AccessCounts,
    index: Index,
    embedder: Embedder,
    projection: projection::State,
    sweep: retention::Due,
}

/// Loads what recall keeps in memory; for a thread of its own at start.
pub fn load_index(app: &App) {
    if let Err(cause) = index::load(app) {
        log::error!(target: "memory", "recall finds by keyword only until its index is loaded: {cause}");
        reload_index_soon(app);
        return;
    }
    log::debug!(target: "memory", "{} memories are in the index", app.memory.index.live());
}

/// After changes of many memories at once (an agent was removed): the index is loaded anew.
pub fn reload_index_soon(app: &App) {
    app.memory.embedder.tracker.request_reload();
}

/// Computes maps that were asked for.
pub fn project_in_background(app: &App) {
    projection::compute_asked(app);
}

/// One turn of the background embedder.
pub fn embed_in_background(app: &App) {
    embed::tracker::tick(app);
}

/// Whether vectors can be made, as last seen; `None` when nobody has looked lately.
pub fn embedding_available(app: &App) -> Option<bool> {
    app.memory.embedder.status.fresh().map(|seen| seen.available)
}

/// Follows a change of one memory in the index.
fn follow(app: &App, id: &str) -> Result<(), ApiError> {
    let native = app.memory.embedder.model(&app.config()).native;
    let (rowid, entry, stored) = app.db.read(|c| {
        let entry = store::embeddings::entry_of(c, id)?;
        let stored = if native { None } else { store::embeddings::vector_of(c, id)? };
        Ok::<_, ApiError>((store::memories::rowid(c, id)?, entry, stored))
    })?;
    match (entry, stored) {
        (Some(entry), Some(stored)) => app.memory.index.put(&entry, Vector::Stored(&stored)),
        (Some(entry), None) if native => app.memory.index.put(&entry, Vector::OfText),
        (Some(entry), None) => app.memory.index.put(&entry, Vector::None),
        (None, _) => {
            if let Some(rowid) = rowid {
                app.memory.index.remove(rowid);
            }
        }
    }
    Ok(())
}

/// Memories whose own terms are made in one transaction of the background.
const TERMS: i64 = 100;

/// How long one turn of a background task may take: others wait for the same thread.
const TURN: std::time::Duration = std::time::Duration::from_millis(500);

/// Makes the terms of memories that other programs wrote, or that were there before their index.
pub fn index_terms_in_background(app: &App) {
    let index = || -> Result<bool, crate::db::Error> {
        if app.db.is_blocked() || app.db.read(|c| Ok::<_, crate::db::Error>(store::terms::due(c, 1)?))?.is_empty() {
            return Ok(false);
        }
        // read in the transaction that writes: a text changed in between would get the terms of the old one
        app.db.write(|c| {
            let due = store::terms::due(c, TERMS)?;
            due.iter().try_for_each(|(rowid, content)| store::terms::index(c, *rowid, content.as_deref()))?;
            Ok(due.len() as i64 == TERMS)
        })
    };
    let began = std::time::Instant::now();
    loop {
        match index() {
            Ok(true) if began.elapsed() < TURN => {}
            Ok(_) => return,
            Err(cause) => return log::warn!(target: "memory", "terms of memories: {cause}"),
        }
    }
}

/// Writes the access counts gathered since the last time.
pub fn flush_access_counts(app: &App) {
    if let Err(cause) = app.memory.access.flush(&app.db) {
        log::warn!(target: "memory", "access counts: {cause}");
    }
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A fresh id of a memory or an entity.
fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A fresh id of a row that clients do not name (jobs, history, hints): ordered by time, so that
/// its index grows at one end and a write touches fewer pages.
fn new_row_id() -> String {
    uuid::Uuid::now_v7().to_string()
}
