//! Nearest neighbours of a stored memory (memory part, `GET /memory/similar`).

use std::collections::HashMap;

use rusqlite::Connection;

use super::embed::tracker;
use super::index::{Allowed, Docs};
use crate::core::Error;
use crate::core::access::Visible;
use crate::db::sql::Conditions;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{Neighbour, Neighbours};
use crate::parts::memory::recall::meaning::cosine;
use crate::parts::memory::store::conditions::MemoryConditions;
use crate::parts::memory::store::{embeddings, memories, recall};

/// Neighbours looked at exactly, as a multiple of what is asked for.
const AHEAD: usize = 8;
const LEAST: usize = 200;
/// Memories compared one by one where there is no index: the newest.
const UNINDEXED: usize = 4_000;

impl Memory {
    /// The nearest memories to one, of a type if one is named.
    pub fn similar(&self, id: &str, kind: Option<&str>, limit: usize, visible: &Visible) -> Result<Neighbours, Error> {
        tracker::settle(self);
        self.core.db.try_read(|c| self.neighbours(c, id, kind, limit, visible))
    }

    fn neighbours(
        &self,
        c: &Connection,
        id: &str,
        kind: Option<&str>,
        limit: usize,
        visible: &Visible,
    ) -> Result<Neighbours, Error> {
        let none = || Error::not_found("No embedding found for this memory");
        let own = memories::rowid(c, id)?.ok_or_else(none)?;
        let mut filter = visible.conditions(c)?;
        // an anchor that the caller may not see answers as an unknown one
        recall::rows(c, &[own], &filter)?.pop().ok_or_else(none)?;
        filter.live().kind(kind);
        let anchor = embeddings::vector_of(c, id)?.ok_or_else(none)?;
        let near = match self.near_by_index(c, &anchor, &filter, kind.is_some(), (limit * AHEAD).max(LEAST))? {
            Some(near) => near.into_iter().filter(|rowid| *rowid != own).collect(),
            // the index is not loaded yet, or there is none without a provider
            None => {
                let mut newest: Vec<i64> =
                    recall::allowed_rows(c, &filter)?.into_iter().filter(|r| *r != own).collect();
                newest.sort_unstable_by(|a, b| b.cmp(a));
                newest.truncate(UNINDEXED);
                newest
            }
        };
        let exact: HashMap<i64, f64> = embeddings::vectors(c, &near, anchor.len())?
            .into_iter()
            .map(|(rowid, vector)| (rowid, cosine(&anchor, &vector)))
            .collect();
        let mut rows: Vec<(f64, recall::Row)> = recall::rows(c, &near, &filter)?
            .into_iter()
            .filter_map(|row| Some((*exact.get(&row.rowid)?, row)))
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        rows.truncate(limit);
        Ok(Neighbours { results: rows.into_iter().map(|(score, row)| neighbour(score, row)).collect() })
    }

    /// Rowids near a vector; `None` without an index. What the caller may see is decided before anything
    /// is ranked.
    fn near_by_index(
        &self,
        connection: &Connection,
        anchor: &[f32],
        filter: &Conditions,
        by_type: bool,
        limit: usize,
    ) -> rusqlite::Result<Option<Vec<i64>>> {
        let Some((generation, places)) = self.index.places() else { return Ok(None) };
        let allowed = if by_type {
            Allowed::Rows(recall::allowed_rows(connection, filter)?)
        } else {
            Allowed::Places(recall::allowed_places(connection, &places, filter)?)
        };
        let near = |docs: &Docs| docs.nearest(anchor, &allowed, limit).iter().map(|n| docs.rowid(n.at)).collect();
        Ok(self.index.with_places(generation, near))
    }
}

fn neighbour(score: f64, row: recall::Row) -> Neighbour {
    Neighbour {
        id: row.id,
        content: row.content,
        kind: row.kind,
        tags: embeddings::tag_words(row.tags),
        score: (score * 100.0).round() / 100.0,
        confidence: row.confidence,
        created_at: row.created_at,
    }
}
