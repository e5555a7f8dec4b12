//! Memories: store, change, forget, recall.
//!
//! A write becomes rows of `memories` and its companions in one transaction; recall gathers
//! candidates from several channels, filters them by what the caller may read, scores and
//! shapes them. Contract: docs/api/memory.md.

mod access;
mod batch;
mod chunk;
mod content;
mod link;
mod list;
mod mutate;
mod note;
mod recall;
mod remember;
mod routes;
mod store;
mod structured;
mod temporal;

pub use access::AccessCounts;
pub use routes::ROUTES;

use crate::app::App;

/// What the part keeps in memory between requests.
#[derive(Default)]
pub struct State {
    pub access: AccessCounts,
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
