//! Filling the index from the database, in the background.

use super::{Index, Prepared, Vector};
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
        let mut inner = index.write();
        if inner.generation != generation {
            return Ok(());
        }
        let Some(last) = rows.last().map(|(entry, _)| entry.rowid) else {
            // rows committed since the last read are put in by their writers from here on;
            // what was committed before this lock was taken is read once more
            let rest = app.db.read(|c| Ok::<_, Error>(embeddings::entries_after(c, from, &model.name, BATCH)?))?;
            if rest.is_empty() {
                inner.ready = true;
                return Ok(());
            }
            continue;
        };
        for (entry, stored) in &rows {
            let vector = match (stored, model.native) {
                // the model is at hand: cheaper than reading the stored vector
                (_, true) => Vector::OfText,
                (Some(stored), false) => Vector::Stored(stored),
                (None, false) => Vector::None,
            };
            inner.docs.put(&Prepared::of(entry, vector));
        }
        inner.loaded_to = last;
    }
}
