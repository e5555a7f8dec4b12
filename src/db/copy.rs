//! A copy of a database that others work with, as it is at one moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::Error;

/// Pages copied at a time.
const PAGES: i32 = 1024;
/// Tries at a page that somebody locks; nobody does for long.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// Copies the database `from` into the new file `to`, which needs no other file beside it. Page by page: `VACUUM INTO` would
/// number rows anew that full-text tables point to. Nobody waits for it.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let source = super::open_reader(from)?;
    // one moment for all pages: a copy without it begins again at every write of another
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mut target = Connection::open_with_flags(
        to,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // who makes the copy syncs it, or throws it away
    target.pragma_update(None, "synchronous", "OFF")?;
    target.pragma_update(None, "journal_mode", "OFF")?;
    all_pages(&source, &mut target)?;
    target.pragma_update(None, "journal_mode", "DELETE")?;
    target.close().map_err(|(_, cause)| Error::from(cause))
}

fn all_pages(source: &Connection, target: &mut Connection) -> Result<(), Error> {
    let backup = Backup::new(source, target)?;
    let mut tries = 0;
    loop {
        match backup.step(PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More => tries = 0,
            _ if tries < TRIES => {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            _ => return Err(Error::Busy),
        }
    }
}

/// How many rows each table has; those inside a full-text index are left out.
pub fn row_counts(path: &Path) -> Result<BTreeMap<String, i64>, Error> {
    let connection = super::open_reader(path)?;
    let mut statement = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
    )?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut counts = BTreeMap::new();
    for name in names {
        let quoted = name.replace('"', "\"\"");
        let rows = connection.query_row(&format!("SELECT COUNT(*) FROM \"{quoted}\""), [], |row| row.get(0))?;
        counts.insert(name, rows);
    }
    Ok(counts)
}
