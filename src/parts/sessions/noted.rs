//! What sessions were begun with, on its way into the ledger: a person waits for the beginning, and hundreds of small
//! rows are most of what it costs. They are written a moment later, and before anybody asks for them.

use std::sync::{Mutex, OnceLock};

use super::store::ledger;
use super::store::shown::{self, Considered};
use crate::db::Tx;
use crate::parts::memory::{Epoch, Item};
use crate::sys::locks;

/// Beginnings that wait at most; a further one is written at once.
const MOST: usize = 256;
/// Rows of one transaction: each touches a page or more of its own, and a prompt may be waiting behind them.
const ROWS: usize = 24;

/// What one session was begun with.
#[derive(Debug, Clone)]
pub struct Note {
    pub session_key: String,
    /// The place in the ledger of beginnings.
    pub epoch: Epoch,
    pub surface: &'static str,
    pub shown: Vec<Item>,
    pub considered: Vec<Considered>,
}

impl Note {
    pub fn write(&self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        for item in &self.shown {
            ledger::claim(tx, &self.epoch, item, self.surface, "automatic")?;
        }
        shown::note(tx, &self.session_key, &self.epoch.agent, &self.considered)
    }

    fn is_empty(&self) -> bool {
        self.shown.is_empty() && self.considered.is_empty()
    }

    /// Takes the first rows out of it.
    fn split_off(&mut self, rows: usize) -> Note {
        let shown: Vec<_> = self.shown.drain(..rows.min(self.shown.len())).collect();
        let left = rows - shown.len();
        let considered = self.considered.drain(..left.min(self.considered.len())).collect();
        let (session_key, epoch) = (self.session_key.clone(), self.epoch.clone());
        Note { session_key, epoch, surface: self.surface, shown, considered }
    }
}

/// See the module.
#[derive(Default)]
pub struct Noted {
    waiting: Mutex<Vec<Note>>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Noted {
    /// Calls this whenever something waits. The first caller stays.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        if self.wake.set(Box::new(wake)).is_err() {
            log::error!(target: "sessions", "the writer of the ledger is woken by another already");
        }
    }

    /// Takes a note; gives it back when there is no room for it.
    pub fn push(&self, note: Note) -> Option<Note> {
        {
            let mut waiting = locks::lock(&self.waiting);
            if waiting.len() >= MOST {
                return Some(note);
            }
            waiting.push(note);
        }
        if let Some(wake) = self.wake.get() {
            wake();
        }
        None
    }

    fn take(&self, wanted: impl Fn(&Note) -> bool) -> Vec<Note> {
        let mut waiting = locks::lock(&self.waiting);
        let (taken, kept) = std::mem::take(&mut *waiting).into_iter().partition(|note| wanted(note));
        *waiting = kept;
        taken
    }

    pub fn is_empty(&self) -> bool {
        locks::lock(&self.waiting).is_empty()
    }

    /// Writes some rows of the one that waits longest.
    pub fn write_next(&self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        let next = {
            let mut waiting = locks::lock(&self.waiting);
            let next = waiting.first_mut().map(|note| note.split_off(ROWS));
            if waiting.first().is_some_and(Note::is_empty) {
                waiting.remove(0);
            }
            next
        };
        next.map_or(Ok(()), |note| note.write(tx))
    }

    /// Writes what waits of one session, in a transaction that asks for it.
    pub fn settle(&self, tx: &Tx<'_>, session_key: &str, agent: &str) -> rusqlite::Result<()> {
        let notes = self.take(|note| note.session_key == session_key && note.epoch.agent == agent);
        notes.iter().try_for_each(|note| note.write(tx))
    }
}
