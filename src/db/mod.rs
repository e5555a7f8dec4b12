//! The workspace's SQLite file: one writer that commits waiting writes together, and read-only
//! connections for everybody else.
//!
//! An answered write is on disk (`synchronous=FULL`); a reader never waits for a writer (WAL).

mod checkpointer;
mod copy;
mod lenient;
pub mod oddities;
mod presence;
mod readers;
pub mod schema;
pub mod sql;
#[cfg(debug_assertions)]
mod trace;
mod tx;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use checkpointer::Checkpointer;
pub use copy::{copy, row_counts};
use presence::Presence;
use readers::Readers;
pub use tx::Tx;
use writer::Writer;

use crate::sys::clock::Clock;
use crate::sys::ids::Ids;

/// What can go wrong below the parts.
#[derive(Debug)]
pub enum Error {
    /// Another process holds the file for longer than the busy timeout.
    Busy,
    /// The disk is full.
    Full,
    /// All readers are at work for longer than one may wait.
    Crowded,
    /// A read took longer than any may.
    TooLong,
    /// The file of that name is not the one that was opened.
    Moved,
    /// The file was overwritten or damaged under the daemon.
    Damaged,
    /// The daemon is stopping.
    Stopped,
    /// The file is there, but it is not a Signet database we can work on. Left untouched.
    Unusable(String),
    Sqlite(rusqlite::Error),
    Io(std::io::Error),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Busy => f.write_str("the database is locked by another process"),
            Error::Crowded => f.write_str("too many reads at once"),
            Error::Full => f.write_str("the disk is full"),
            Error::TooLong => f.write_str("the question takes the database too long"),
            Error::Moved => {
                f.write_str("the database file was deleted, replaced or moved: put it back or restart the daemon")
            }
            Error::Damaged => f.write_str(
                "the database file was overwritten or is damaged: stop the daemon, put a sound copy in its place and start it again",
            ),
            Error::Stopped => f.write_str("the database is closed"),
            Error::Unusable(why) => f.write_str(why),
            Error::Sqlite(cause) => write!(f, "SQLite: {cause}"),
            Error::Io(cause) => write!(f, "database file: {cause}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(cause: rusqlite::Error) -> Self {
        match cause.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Busy,
            Some(ErrorCode::DiskFull) => Error::Full,
            Some(ErrorCode::OperationInterrupted) => Error::TooLong,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Error::Damaged,
            _ => Error::Sqlite(cause),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Error::Io(cause)
    }
}

/// True when a statement failed on a unique index.
pub fn is_unique_violation(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::SqliteFailure(e, _)
            if e.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                || e.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
    )
}

/// Pages cached by the writer and by each reader, in KiB: together a few MB on a busy daemon.
const WRITER_CACHE_KIB: i64 = 4096;
const READER_CACHE_KIB: i64 = 1024;
/// How long another program may hold the file before a request is told to come again.
const BUSY: Duration = Duration::from_secs(2);
/// Statements kept prepared on each connection.
const STATEMENT_CACHE: usize = 96;

/// An open workspace database.
pub struct Db {
    path: PathBuf,
    presence: Arc<Presence>,
    writer: Arc<Writer>,
    readers: Readers,
    /// Goes last: see [`Checkpointer`].
    checkpointer: Checkpointer,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

/// Whether a file that nobody has opened yet has a memory in it.
pub fn holds_memories(path: &Path) -> Result<bool, Error> {
    let found = sql::row(&open_reader(path)?, "SELECT 1 FROM memories LIMIT 1", [], |_| Ok(()))?;
    Ok(found.is_some())
}

impl Db {
    /// Opens the file, creating or completing its schema. Every write has its time and its ids from here.
    pub fn open(path: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Db, Error> {
        let mut connection = schema::open_and_complete(path)?;
        #[cfg(debug_assertions)]
        trace::watch(&mut connection)?;
        tune_writer(&connection)?;
        oddities::settle_deleted(&connection)?;
        let presence = Arc::new(Presence::of(path)?);
        let (checkpointer, waiting) = Checkpointer::of(&mut connection)?;
        let writer = Arc::new(Writer::new(connection, Arc::clone(&presence)));
        checkpointer.start(waiting, path, &writer)?;
        Ok(Db { path: path.to_owned(), presence, writer, readers: Readers::new(path), checkpointer, clock, ids })
    }

    /// Whether the file is there and answers. Never waits: when all readers are at work, it does answer.
    pub fn check(&self) -> Result<(), Error> {
        self.presence.check()?;
        if self.readers.are_taken() {
            return Ok(());
        }
        self.read(|c| c.prepare_cached("SELECT 1")?.query_row([], |_| Ok(())))
    }

    /// Whether it really answers both ways, waiting as a request would.
    pub fn answers(&self) -> Result<(), Error> {
        self.read(|c| c.prepare_cached("SELECT 1")?.query_row([], |_| Ok(())))?;
        self.write(|_| Ok(()))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on a read-only connection: one consistent state of the file per transaction.
    /// Nothing is answered that is not in the file of that name.
    pub fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        self.try_read(|c| Ok(work(c)?))
    }

    /// The same for work that may refuse.
    pub fn try_read<T, E: From<Error>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        crate::sys::locks::assert_none_held();
        self.presence.check()?;
        self.readers.with(work)
    }

    /// Runs `work` as one transaction and returns after it is on disk. An `Err` of `work`
    /// undoes what it did.
    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.try_write(|tx| Ok(work(tx)?))
    }

    /// The same for work that may refuse.
    pub fn try_write<T, E>(&self, work: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        crate::sys::locks::assert_none_held();
        let (clock, ids) = (Arc::clone(&self.clock), Arc::clone(&self.ids));
        self.writer.run(move |connection| work(&Tx::new(connection, clock.now(), &*ids)))
    }

    /// Brings the WAL home in a quiet moment.
    pub fn checkpoint(&self) {
        self.checkpointer.quiet();
    }

    /// Whether another program held the file at the last commit: what can wait should.
    pub fn is_blocked(&self) -> bool {
        self.writer.is_blocked()
    }

    /// Finishes what is queued, brings the WAL home and closes the file.
    pub fn close(&self) {
        self.checkpointer.stop();
        self.writer.stop();
    }
}

fn tune_writer(connection: &Connection) -> Result<(), Error> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    tune(connection)
}

/// What every connection needs. Foreign keys stay off: the data model relies on it.
fn tune(connection: &Connection) -> Result<(), Error> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // else a statement is compiled anew whenever a value that an index might depend on is another
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(())
}

/// A connection that copies the WAL into the file, and nothing else.
fn open_copier(path: &Path) -> Result<Connection, Error> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, Error> {
    #[cfg_attr(not(debug_assertions), expect(unused_mut, reason = "only a debug build watches it"))]
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    #[cfg(debug_assertions)]
    trace::watch(&mut connection)?;
    tune(&connection)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    Ok(connection)
}

/// `PRAGMA integrity_check` on a file, read-only: the problems found, none when it is sound.
pub fn integrity_problems(path: &Path) -> Result<Vec<String>, Error> {
    let connection = open_reader(path)?;
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    let lines = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|l| l != "ok").collect())
}
