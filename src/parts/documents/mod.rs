//! Documents and sources. Their routes come with their issue; what memory shows of their tables is here.

mod store;

use rusqlite::Connection;

pub use store::artifacts;
pub use store::is_visible;

use crate::parts::memory::{Artifact, Dated, Match, Sources, Window};

/// The tables of documents and sources.
#[derive(Debug, Default)]
pub struct Documents;

impl Sources for Documents {
    fn each_chunk(
        &self,
        connection: &Connection,
        agent: &str,
        dims: usize,
        look: &mut dyn FnMut(String, &[f32]),
    ) -> rusqlite::Result<()> {
        store::each_chunk(connection, agent, dims, look)
    }

    fn chunk(&self, connection: &Connection, id: &str) -> rusqlite::Result<Option<(String, String)>> {
        store::chunk(connection, id)
    }

    fn any_artifact(&self, connection: &Connection) -> rusqlite::Result<bool> {
        store::any_artifact(connection)
    }

    fn artifacts(
        &self,
        connection: &Connection,
        expression: &str,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Match>> {
        store::artifacts(connection, expression, agent, project, limit)
    }

    fn artifact(&self, connection: &Connection, rowid: i64) -> rusqlite::Result<Option<Artifact>> {
        store::artifact(connection, rowid)
    }

    fn captured(
        &self,
        connection: &Connection,
        window: Window<'_>,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Dated>> {
        store::captured(connection, window, agent, project, limit)
    }

    fn changed(
        &self,
        connection: &Connection,
        between: (i64, i64),
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Dated>> {
        store::changed(connection, between, agent, project, limit)
    }
}
