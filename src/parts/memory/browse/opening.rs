//! What other parts show of memories without a question: the newest, the worthiest, those of a project.

use rusqlite::Connection;

use crate::core::access::Visible;
use crate::parts::memory::Memory;
use crate::parts::memory::store::opening;
use crate::parts::memory::store::searches::{self, Search, Tally};
use crate::text::time;

pub use opening::Brief;

impl Memory {
    /// The newest memories.
    pub fn newest(&self, connection: &Connection, visible: &Visible, limit: i64) -> rusqlite::Result<Vec<Brief>> {
        opening::newest(connection, &visible.conditions(connection)?, limit)
    }

    /// Those worth most: pinned, important, new.
    pub fn worthiest(&self, connection: &Connection, visible: &Visible, limit: i64) -> rusqlite::Result<Vec<Brief>> {
        opening::worthiest(connection, &visible.conditions(connection)?, limit)
    }

    /// Those of these rows that may be seen.
    pub fn of_rowids(
        &self,
        connection: &Connection,
        rowids: &[i64],
        visible: &Visible,
    ) -> rusqlite::Result<Vec<Brief>> {
        opening::of_rowids(connection, rowids, &visible.conditions(connection)?)
    }

    /// Those of these ids that may be seen, deleted ones too.
    pub fn briefs(&self, connection: &Connection, ids: &[String], visible: &Visible) -> rusqlite::Result<Vec<Brief>> {
        opening::of_ids(connection, ids, &visible.conditions(connection)?)
    }

    /// Those of a project that match a full-text expression, best first.
    pub fn of_project(
        &self,
        connection: &Connection,
        expression: &str,
        project: &str,
        visible: &Visible,
        limit: i64,
    ) -> rusqlite::Result<Vec<Brief>> {
        opening::of_project(connection, expression, project, &visible.conditions(connection)?, limit)
    }

    /// How many are newer than a time, up to a bound.
    pub fn count_since(
        &self,
        connection: &Connection,
        visible: &Visible,
        time: &str,
        most: i64,
    ) -> rusqlite::Result<i64> {
        opening::count_since(connection, &visible.conditions(connection)?, time, most)
    }

    /// Those of these ids that no memory has.
    pub fn unknown(&self, connection: &Connection, ids: &[String]) -> rusqlite::Result<Vec<String>> {
        let known = opening::of_ids(connection, ids, &Visible::default().conditions(connection)?)?;
        Ok(ids.iter().filter(|id| !known.iter().any(|m| m.id == **id)).cloned().collect())
    }

    /// Recalls that a session made, where they are noted.
    pub fn searches_of(
        &self,
        connection: &Connection,
        agent: &str,
        session_key: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Search>> {
        searches::of_session(connection, agent, session_key, project, limit)
    }

    /// How many each session made.
    pub fn searches_by_session(
        &self,
        connection: &Connection,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Tally>> {
        searches::by_session(connection, agent, project, limit)
    }

    /// Counts an access of each.
    pub fn count_accesses(&self, ids: Vec<String>) {
        self.counts.count(ids, &time::sqlite(self.core.clock.now()));
    }
}
