//! Filling the index from the database, in the background.

use super::{Index, Loading, Prepared, Vector};
use crate::db::Error;
use crate::parts::memory::Memory;
use crate::parts::memory::store::embeddings;

/// Rows read at a time; the database and the index are free in between.
const BATCH: i64 = 200;

/// Changes that wait for the end of a loading, some kilobyte each at most.
const MOST_LATE: usize = 20_000;

/// What became of a memory that the loader may have read before, and may put in after.
pub enum Late {
    Put(Box<Prepared<'static>>),
    Vector(Vec<u64>),
    Removed,
}

/// Loads every live memory. Recall finds by keyword until this is done. A later call makes an
/// earlier one that still runs stop.
pub fn load(memory: &Memory) -> Result<(), Error> {
    while !load_once(memory)? {}
    Ok(())
}

/// False when more was changed meanwhile than could be kept.
fn load_once(memory: &Memory) -> Result<bool, Error> {
    let index: &Index = &memory.index;
    let model = memory.embedder.model(&memory.core.config());
    let generation = index.restart(model.dims);
    if model.dims == 0 {
        // no vectors, no index: recall is by keyword
        return Ok(true);
    }
    loop {
        let from = index.read().loaded_to;
        let rows = memory.core.db.read(|c| embeddings::entries_after(c, from, &model.name, BATCH))?;
        let prepared: Vec<Prepared<'_>> = rows
            .iter()
            .map(|(entry, stored)| {
                let vector = match (stored, model.native) {
                    // the model is at hand: cheaper than reading the stored vector
                    (_, true) => Vector::OfText,
                    (Some(stored), false) => Vector::Stored(stored),
                    (None, false) => Vector::None,
                };
                Prepared::of(entry, vector)
            })
            .collect();
        let mut inner = index.write();
        if inner.generation != generation {
            return Ok(true);
        }
        prepared.iter().for_each(|row| inner.docs.put(row));
        match rows.last() {
            Some((last, _)) => inner.loaded_to = last.rowid,
            None if inner.overflowed => return Ok(false),
            None => {
                inner.make_late_changes();
                return Ok(true);
            }
        }
    }
}

impl Loading {
    /// Keeps a change until the end of the loading.
    pub fn change_later(&mut self, rowid: i64, change: Late) {
        if self.late.len() < MOST_LATE || self.late.contains_key(&rowid) {
            self.late.insert(rowid, change);
        } else {
            self.overflowed = true;
        }
    }

    /// Ends the loading: what was changed meanwhile is newer than what was read. Rows committed from
    /// here on are put in by their writers.
    fn make_late_changes(&mut self) {
        let mut late: Vec<(i64, Late)> = std::mem::take(&mut self.late).into_iter().collect();
        // neighbours are told by the order in which memories come in
        late.sort_by_key(|(rowid, _)| *rowid);
        for (rowid, change) in late {
            match change {
                Late::Put(prepared) => self.docs.put(&prepared),
                Late::Vector(signs) => self.docs.set_signs_of(rowid, &signs),
                Late::Removed => self.docs.remove(rowid),
            }
        }
        self.ready = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::memory::store::memories::Place;
    use crate::parts::memory::vectors::index::Entry;

    fn entry(rowid: i64) -> Entry {
        let place = Place { agent: "a".into(), project: None, scope: None, visibility: "global".into() };
        Entry { rowid, content: "tides".into(), place, who: None, created_at: "2024-01-01T00:00:00Z".into() }
    }

    #[test]
    fn changes_are_kept_while_loading_within_bounds_and_not_at_all_without_vectors() {
        let index = Index::default();
        index.restart(crate::embedding::DIMS);
        index.put(&entry(1), Vector::OfText);
        index.remove(2);
        assert_eq!((index.read().late.len(), index.read().overflowed), (2, false));
        (0..=MOST_LATE as i64).for_each(|rowid| index.remove(rowid));
        assert!(index.read().overflowed && index.read().late.len() <= MOST_LATE);
        index.restart(0);
        index.put(&entry(1), Vector::None);
        index.remove(2);
        index.set_vector(3, &[1.0; 64]);
        assert!(index.read().late.is_empty());
    }
}
