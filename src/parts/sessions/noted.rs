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

    /// Writes the one that waits longest, in a transaction of its own.
    pub fn write_next(&self, tx: &Tx<'_>) -> rusqlite::Result<()> {
        let next = {
            let mut waiting = locks::lock(&self.waiting);
            if waiting.is_empty() { None } else { Some(waiting.remove(0)) }
        };
        next.map_or(Ok(()), |note| note.write(tx))
    }

    /// Writes what waits of one session, in a transaction that asks for it.
    pub fn settle(&self, tx: &Tx<'_>, session_key: &str, agent: &str) -> rusqlite::Result<()> {
        let notes = self.take(|note| note.session_key == session_key && note.epoch.agent == agent);
        notes.iter().try_for_each(|note| note.write(tx))
    }
}
