//! One write: its connection, the time it happens at, and where its fresh ids come from.

use std::ops::Deref;

use jiff::Timestamp;
use rusqlite::Connection;

use crate::sys::ids::Ids;
use crate::text::time;

/// A running transaction. All rows of one write have the same time.
pub struct Tx<'a> {
    connection: &'a Connection,
    at: Timestamp,
    now: String,
    ids: &'a dyn Ids,
}

impl<'a> Tx<'a> {
    pub fn new(connection: &'a Connection, at: Timestamp, ids: &'a dyn Ids) -> Self {
        Tx { connection, at, now: time::iso(at), ids }
    }

    /// Runs `work` so that its failure undoes what it did and nothing else.
    pub fn savepoint<T>(&self, work: impl FnOnce(&Self) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.connection.execute_batch("SAVEPOINT inner_part")?;
        let done = work(self);
        let end = if done.is_ok() { "RELEASE inner_part" } else { "ROLLBACK TO inner_part; RELEASE inner_part" };
        self.connection.execute_batch(end)?;
        done
    }

    /// Now, as the API writes it.
    pub fn now(&self) -> &str {
        &self.now
    }

    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The id of a row that clients name.
    pub fn random_id(&self) -> String {
        self.ids.random()
    }

    /// The id of a row that clients do not name.
    pub fn ordered_id(&self) -> String {
        self.ids.ordered()
    }
}

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}
