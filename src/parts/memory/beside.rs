//! What parts above this one keep that memory shows beside its own rows, or writes together with them.
//! The daemon hands them in when it is put together.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::Connection;

use super::store::fulltext::Match;
use super::store::temporal::{Dated, Window};
use crate::db::Tx;

/// What `app` hands in when the daemon is put together.
#[derive(Clone)]
pub struct Beside {
    pub ledger: Arc<dyn Ledger>,
    pub sources: Arc<dyn Sources>,
    pub jobs: Arc<dyn Queueing>,
}

/// One session's place in the ledger.
#[derive(Debug, Clone)]
pub struct Epoch {
    pub session_key: String,
    pub agent: String,
    /// Rises when the context was compacted or reset: everything may be shown again.
    pub number: i64,
}

/// An item that is about to be shown.
#[derive(Debug, Clone)]
pub struct Item {
    pub kind: &'static str,
    pub id: String,
    pub score: f64,
    pub source: String,
}

/// A raw transcript that a memory was made from.
#[derive(Debug, Clone, Copy)]
pub struct Transcript<'a> {
    pub agent: &'a str,
    pub session_key: &'a str,
    pub text: &'a str,
    pub project: Option<&'a str>,
}

/// What sessions were shown, and what they said.
pub trait Ledger: Send + Sync {
    fn epoch(&self, connection: &Connection, session_key: &str, agent: &str) -> rusqlite::Result<i64>;

    /// Kind and id of everything shown in an epoch.
    fn shown(&self, connection: &Connection, epoch: &Epoch) -> rusqlite::Result<HashSet<(String, String)>>;

    /// Records an item; false when another request has claimed it meanwhile.
    fn claim(&self, tx: &Tx<'_>, epoch: &Epoch, item: &Item, mode: &str) -> rusqlite::Result<bool>;

    /// Adds a rating to the mean of a memory that was shown to an agent in a session. `None` when it was
    /// not; else the path that was noted with it.
    fn rate(
        &self,
        tx: &Tx<'_>,
        session_key: &str,
        agent: &str,
        memory_id: &str,
        rating: f64,
    ) -> rusqlite::Result<Option<Option<String>>>;

    fn keep_transcript(&self, tx: &Tx<'_>, transcript: Transcript<'_>) -> rusqlite::Result<()>;

    /// Summaries of an agent's sessions that overlap a window of time.
    fn summaries(
        &self,
        connection: &Connection,
        window: Window<'_>,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Dated>>;
}

/// A text of a source or of a harness's own memory.
#[derive(Debug, Clone)]
pub struct Artifact {
    pub source_path: String,
    pub source_kind: String,
    pub harness: Option<String>,
    pub project: Option<String>,
    pub captured_at: String,
    pub content: String,
}

/// Texts of sources: chunks by their vectors, artifacts by their words and times.
pub trait Sources: Send + Sync {
    /// Calls `look` with id and vector of an agent's chunks of so many dimensions.
    fn each_chunk(
        &self,
        connection: &Connection,
        agent: &str,
        dims: usize,
        look: &mut dyn FnMut(String, &[f32]),
    ) -> rusqlite::Result<()>;

    /// A chunk's text and when it was indexed.
    fn chunk(&self, connection: &Connection, id: &str) -> rusqlite::Result<Option<(String, String)>>;

    /// Whether there is any artifact to look at.
    fn any_artifact(&self, connection: &Connection) -> rusqlite::Result<bool>;

    /// Live artifacts that match an expression, best first; of one project, when one is named.
    fn artifacts(
        &self,
        connection: &Connection,
        expression: &str,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Match>>;

    fn artifact(&self, connection: &Connection, rowid: i64) -> rusqlite::Result<Option<Artifact>>;

    /// Artifacts captured in a window of time.
    fn captured(
        &self,
        connection: &Connection,
        window: Window<'_>,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Dated>>;

    /// Artifacts whose source was changed between two times (milliseconds since 1970).
    fn changed(
        &self,
        connection: &Connection,
        between: (i64, i64),
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Dated>>;
}

crate::names! {
    /// Work that a memory leaves to the background.
    pub enum JobKind {
        Extract = "extract",
        /// Phrases that a later question may use.
        Hints = "prospective_index",
    }
}

/// The queue of background work.
pub trait Queueing: Send + Sync {
    /// Queues a job about a memory, in the transaction that writes it.
    fn queue(&self, tx: &Tx<'_>, memory_id: &str, kind: JobKind) -> rusqlite::Result<()>;

    /// Called after the commit of jobs.
    fn wake(&self);
}
