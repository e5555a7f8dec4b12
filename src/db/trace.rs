//! The statements that a debug build runs, for the test that explains them.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

/// Names a file to which each distinct statement is appended as a line of JSON.
const FILE: &str = "SIGNETD_TRACE_SQL";

/// Notes what a connection runs, where the environment asks for it.
pub fn watch(connection: &mut Connection) -> Result<(), super::Error> {
    let Some(path) = std::env::var_os(FILE) else { return Ok(()) };
    let file = Arc::new(Mutex::new(File::options().create(true).append(true).open(path)?));
    let mut seen = HashSet::new();
    let note = move |event: TraceEvent<'_>| {
        // statements of triggers come as comments
        if let TraceEvent::Stmt(statement, text) = event
            && !text.starts_with("--")
            && seen.insert(statement.sql().into_owned())
            && let Ok(mut file) = file.lock()
        {
            // in one write: each connection has opened the file for itself, and what is appended at once stays whole
            let line = format!("{}\n", serde_json::Value::from(statement.sql().as_ref()));
            // a line that is lost is a statement that is not explained
            let _ = file.write_all(line.as_bytes());
        }
    };
    Ok(connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))?)
}
