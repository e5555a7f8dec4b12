//! Copies the WAL into the file (a checkpoint) beside the writers, on a thread of its own: 16 MiB take tens of
//! milliseconds, and a person at a prompt would wait for them.
//!
//! A first pass, on a connection of its own, copies nearly everything while others write. SQLite syncs the file only in
//! a pass that leaves nothing behind, so it is synced here; then a second pass holds the writing connection for the
//! little that has come meanwhile, and the next write begins the WAL anew.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rusqlite::Connection;

use super::Error;
use super::writer::{Writer, checkpoint};

/// The WAL is copied home when it is this long (16 MiB): a page that changes often is written once.
const LONG: i32 = 4096;
/// At this length (128 MiB) the writer copies it itself: the thread is behind.
const TOO_LONG: i32 = 8 * LONG;
/// Bytes of the WAL's file that stay when it begins anew: writing over them is cheaper than growing the file again.
const KEPT_BYTES: i64 = 2 * LONG as i64 * 4096;
/// Between two copies: a reader that keeps the WAL from beginning anew is not to keep the disk at work.
const PAUSE: Duration = Duration::from_millis(200);

/// Why the WAL is to be copied home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Long,
    /// Nobody is in a hurry: freed pages are given back too.
    Quiet,
}

/// What wakes the thread, which ends when this and the writing connection are gone.
pub struct Checkpointer {
    wake: Sender<Reason>,
}

impl Checkpointer {
    /// Takes over the checkpoints of the writing connection.
    pub fn of(connection: &mut Connection) -> Result<(Self, Waiting), Error> {
        let (wake, woken) = bounded(1);
        let long = wake.clone();
        connection.pragma_update(None, "journal_size_limit", KEPT_BYTES)?;
        connection.wal_hook(Some(move |wal: &mut rusqlite::hooks::Wal, pages| {
            if pages >= TOO_LONG {
                return wal.checkpoint();
            }
            if pages >= LONG {
                ask(&long, Reason::Long);
            }
            Ok(())
        }))?;
        Ok((Checkpointer { wake }, Waiting { woken }))
    }

    /// Copies the WAL home in a quiet moment.
    pub fn quiet(&self) {
        ask(&self.wake, Reason::Quiet);
    }
}

fn ask(wake: &Sender<Reason>, reason: Reason) {
    match wake.try_send(reason) {
        // it is asked already
        Ok(()) | Err(TrySendError::Full(_)) => (),
        Err(TrySendError::Disconnected(_)) => log::error!(target: "db", "nobody copies the WAL into the file"),
    }
}

/// The thread, before it runs.
pub struct Waiting {
    woken: Receiver<Reason>,
}

impl Waiting {
    /// Runs until the writer is gone.
    pub fn start(self, path: &Path, writer: &Arc<Writer>) -> Result<(), Error> {
        let copier = Copier { path: path.to_owned(), file: File::open(path)?, own: None };
        let writer = Arc::downgrade(writer);
        std::thread::Builder::new().name("checkpoint".to_owned()).spawn(move || self.run(copier, &writer))?;
        Ok(())
    }

    fn run(self, mut copier: Copier, writer: &Weak<Writer>) {
        while let Ok(reason) = self.woken.recv() {
            if let Err(cause) = copier.copy() {
                log::warn!(target: "db", "the WAL is not copied beside the writers: {cause}");
            }
            let Some(writer) = writer.upgrade() else { return };
            writer.bring_home(reason == Reason::Quiet);
            drop(writer);
            std::thread::sleep(PAUSE);
        }
    }
}

/// The pass beside the writers.
struct Copier {
    path: PathBuf,
    own: Option<Connection>,
    /// To sync by. Closed after all connections: when any handle of a file is closed, a process loses its locks on it.
    file: File,
}

impl Copier {
    fn copy(&mut self) -> Result<(), Error> {
        let connection = match self.own.take() {
            Some(connection) => connection,
            None => super::open_copier(&self.path)?,
        };
        checkpoint(self.own.insert(connection), "PASSIVE");
        Ok(self.file.sync_data()?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use crate::db::Db;
    use crate::sys::clock::SystemClock;
    use crate::sys::ids::SystemIds;

    #[test]
    fn the_wal_does_not_grow_with_what_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.db");
        let db = Db::open(&path, Arc::new(SystemClock), Arc::new(SystemIds)).unwrap();
        db.write(|tx| tx.execute_batch("CREATE TABLE large (text BLOB)")).unwrap();
        // more than twice what one copy takes home
        let wal = folder.path().join("m.db-wal");
        for _ in 0..60 {
            db.write(|tx| tx.execute("INSERT INTO large VALUES (randomblob(1000000))", []).map(|_| ())).unwrap();
        }
        let home = || std::fs::metadata(&path).unwrap().len();
        let began = Instant::now();
        while home() < 16_000_000 && began.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        assert!(home() >= 16_000_000, "{} bytes are home", home());
        db.close();
        assert!(home() > 60_000_000);
        assert!(std::fs::metadata(&wal).map_or(0, |meta| meta.len()) < 1_000_000);
    }
}
