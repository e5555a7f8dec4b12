//! Which rows a recall may look at: what was asked for and what the agent may read.

use rusqlite::Connection;

use super::query::RecallQuery;
use crate::core::access::Readable;
use crate::db::sql::Conditions;
use crate::parts::memory::store::conditions::MemoryConditions;
use crate::parts::memory::store::memories::Place;
use crate::parts::memory::store::recall;
use crate::parts::memory::vectors::index::Allowed;

#[derive(Debug, Clone)]
pub struct Filter<'a> {
    query: &'a RecallQuery,
    pub readable: Readable,
    /// Only these memories, when a window of time has chosen them.
    pub only: Option<Vec<String>>,
}

impl<'a> Filter<'a> {
    pub fn of(query: &'a RecallQuery, readable: Readable) -> Self {
        Filter { query, readable, only: None }
    }

    /// Conditions on `memories m`, applied before anything of a row is used.
    pub fn conditions(&self) -> Conditions {
        let query = self.query;
        let mut all = self.place_conditions();
        all.kind(query.kind.as_deref())
            .who(query.who.as_deref())
            .created(query.span)
            .tags(&query.tags)
            .pinned(query.pinned)
            .importance(query.importance_min, None)
            .ids(self.only.as_deref());
        all
    }

    /// Where a memory has to be: live, readable, in the scope and the project asked for.
    pub fn place_conditions(&self) -> Conditions {
        let mut all = Conditions::default();
        all.live();
        self.readable.filter(&mut all);
        all.scope(self.query.scope.as_deref()).project(self.query.project.as_deref());
        all
    }

    /// Whether nothing but a memory's place decides: agent, visibility, scope, project.
    fn is_by_place(&self) -> bool {
        self.only.is_none() && !self.query.filters_rows()
    }

    /// Which documents of the index the conditions let through, decided by SQL: over the few
    /// distinct places, or over all rows where a filter asks for more.
    pub fn allowed(
        &self,
        connection: &Connection,
        conditions: &Conditions,
        places: &[Place],
    ) -> rusqlite::Result<Allowed> {
        if self.is_by_place() {
            return Ok(Allowed::Places(recall::allowed_places(connection, places, conditions)?));
        }
        Ok(Allowed::Rows(recall::allowed_rows(connection, conditions)?))
    }

    /// Conditions of a timeline: what the agent may read, and its project.
    pub fn timeline_conditions(&self) -> Conditions {
        let mut all = Conditions::default();
        self.readable.filter(&mut all);
        all.project(self.query.project.as_deref());
        all
    }
}
