//! Filling the index from the database, in the background.

use super::{Index, Late, Loading, Prepared, Vector};
use crate::app::App;
use crate::db::Error;
use crate::memory::store::embeddings;

/// Rows read at a time; the database and the index are free in between.
const BATCH: i64 = 200;

/// Loads every live memory. Recall finds by keyword until this is done. A later call makes an
/// earlier one that still runs stop.
pub fn load(app: &App) -> Result<(), Error> {
    let index: &Index = &app.memory.index;
    let model = app.memory.embedder.model(&app.config());
    let generation = index.restart(model.dims);
    if model.dims == 0 {
        // no vectors, no index: recall is by keyword
        return Ok(());
    }
    loop {
        let from = index.read().loaded_to;
        let rows = app.db.read(|c| Ok::<_, Error>(embeddings::entries_after(c, from, &model.name, BATCH)?))?;
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
            return Ok(());
        }
        prepared.iter().for_each(|row| inner.docs.put(row));
        match rows.last() {
            Some((last, _)) => inner.loaded_to = last.rowid,
            None => {
                inner.make_late_changes();
                return Ok(());
            }
        }
    }
}

impl Loading {
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
