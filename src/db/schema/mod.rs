//! The schema of a workspace database: declared once in the `.sql` files beside this one.
//!
//! A new file gets it whole. An existing Signet file gets what it lacks (tables, columns,
//! indexes, triggers) in one transaction, after a copy of the file was put beside it; nothing
//! is dropped or rewritten but a full-text table with the wrong tokenizer.

mod complete;
mod versions;

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::Error;

/// One file per part of the API.
const PARTS: [&str; 6] = [
    include_str!("memory.sql"),
    include_str!("sessions.sql"),
    include_str!("knowledge.sql"),
    include_str!("documents.sql"),
    include_str!("platform.sql"),
    include_str!("signetd.sql"),
];

/// The oldest file completed here; older ones need the original's own upgrade first.
const OLDEST: i64 = 60;

/// Files up to this size are checked for damage at every start (about a millisecond per MB).
const CHECKED_AT_START: u64 = 32 * 1024 * 1024;

/// Opens the writing connection; creates the file or adds what it lacks.
pub fn open_and_complete(path: &Path) -> Result<Connection, Error> {
    let size = std::fs::metadata(path).map(|m| m.len()).unwrap_or(0);
    if size > 0 {
        inspect(path, size)?;
    }
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    super::tune(&connection)?;
    if size == 0 {
        // freed pages can be given back; for an existing file this would take a VACUUM
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        create(&mut connection)?;
        private(path);
    } else {
        complete::complete(&mut connection, path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
    }
    Ok(connection)
}

/// Readable by the owner only; advisable, so a file system without modes is no error.
fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if let Err(cause) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
        log::warn!(target: "db", "cannot make {} private: {cause}", path.display());
    }
}

fn create(connection: &mut Connection) -> Result<(), Error> {
    let tx = connection.transaction()?;
    PARTS.iter().try_for_each(|sql| tx.execute_batch(sql))?;
    versions::record(&tx)?;
    seed(&tx)?;
    Ok(tx.commit()?)
}

/// The agent every workspace has.
fn seed(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO agents (id, name, read_policy, created_at, updated_at)
         SELECT 'default', 'default', 'shared', ?1, ?1 WHERE NOT EXISTS (SELECT 1 FROM agents WHERE id = 'default')",
        [crate::text::time::iso(jiff::Timestamp::now())],
    )?;
    Ok(())
}

/// An existing file looked at without writing to it: is it one that we can work on?
pub fn inspect_file(path: &Path) -> Result<(), Error> {
    inspect(path, std::fs::metadata(path)?.len())
}

fn inspect(path: &Path, size: u64) -> Result<(), Error> {
    let unusable = |why: String| Error::Unusable(format!("{}: {why}; the file was left as it is", path.display()));
    let damaged = |cause: rusqlite::Error| unusable(format!("not a readable SQLite database ({cause})"));
    let connection =
        super::open_reader(path).map_err(|cause| unusable(format!("not a readable SQLite database ({cause})")))?;
    let tables = names(&connection, "table").map_err(damaged)?;
    if tables.is_empty() {
        return Ok(());
    }
    if !tables.iter().any(|t| t == "memories") {
        return Err(unusable("an SQLite database, but not one of Signet (no table memories)".to_owned()));
    }
    let version = versions::recorded(&connection).map_err(damaged)?;
    if version > versions::CURRENT {
        return Err(unusable(format!(
            "made by a newer Signet (schema version {version}, known here up to {})",
            versions::CURRENT
        )));
    }
    if version < OLDEST {
        return Err(unusable(format!(
            "schema version {version} is older than {OLDEST}: start the original Signet daemon once to upgrade it"
        )));
    }
    if size <= CHECKED_AT_START {
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(damaged)?;
        if verdict != "ok" {
            return Err(unusable(format!("damaged ({verdict}); restore a backup from beside it")));
        }
    }
    Ok(())
}

fn names(connection: &Connection, kind: &str) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare("SELECT name FROM sqlite_master WHERE type = ?1 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?
        .query_map([kind], |row| row.get(0))?
        .collect()
}
