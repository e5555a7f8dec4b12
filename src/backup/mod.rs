//! Whole copies of a workspace, made while a daemon works on it, and put back.
//!
//! ```text
//! DEST/signet-20261130T020000Z/
//!     workspace/      the files as they were: modes, times and links kept; the database as one sound file
//!     SHA256SUMS      of every file below workspace/, as `sha256sum -c` reads it
//!     backup.json     when, of what, by which version, rows of every table, the checksum of SHA256SUMS
//! ```
//!
//! A backup is made in a folder of another name, synced and renamed when it is finished: what has that name lacks nothing
//! but what its note says. The database comes first and is one moment's; files are copied after it, so none lacks what
//! the database says.

mod check;
mod inspect;
mod make;
mod restore;
mod sums;
mod tree;

use std::path::Path;

pub use check::{Checked, check};
pub use make::{Made, make};
pub use restore::{Broken, holds_anything, restore};

use serde_json::Value;

use crate::core::workspace::{RESTORING, STAGED, STANDBY};

/// What went wrong, for a person.
pub type Failure = Box<dyn std::error::Error>;

/// Below a backup's folder.
const TREE: &str = "workspace";
const SUMS: &str = "SHA256SUMS";
const NOTE: &str = "backup.json";
/// Of [`NOTE`]; another is refused.
const FORMAT: u64 = 1;
/// Bytes of [`NOTE`] and of [`SUMS`] at most.
const MOST_NOTE: u64 = 16 * 1024 * 1024;
const MOST_SUMS: u64 = 128 * 1024 * 1024;
/// The database, below the workspace.
const DATABASE: &str = "memory/memories.db";

/// What of a workspace is no part of a backup: what runs, what is made again, and copies of what is copied.
fn is_left_out(path: &Path) -> bool {
    let (text, name) = (path.to_string_lossy(), path.file_name().unwrap_or_default().to_string_lossy());
    let is_at_top = !text.contains('/');
    text == ".daemon/pid"
        || is_of_database(&text)
        || text.strip_prefix(".daemon/logs/").is_some_and(is_log)
        || name == "node_modules"
        || is_temporary(&name)
        || (is_at_top && is_beside(&name))
}

/// The database is copied by itself; its older copies are not, nor what Litestream knows of another moment's.
fn is_of_database(text: &str) -> bool {
    let beside = |rest: &str| matches!(rest, "" | "-wal" | "-shm" | "-journal") || rest.starts_with(".bak-v");
    text.strip_prefix(DATABASE).is_some_and(beside) || text.starts_with("memory/.memories.db-litestream")
}

/// Of `.daemon/logs`: lines of a log, and not what was said in sessions.
fn is_log(rest: &str) -> bool {
    rest != "transcripts" && !rest.starts_with("transcripts/")
}

/// What lies in a workspace's folder and is not of it.
fn is_beside(name: &str) -> bool {
    name.starts_with(restore::BEFORE)
        || matches!(name, STANDBY | STAGED | RESTORING | "signetai" | ".shadow" | "lost+found")
}

/// What a file is called while it is written (`sys/files.rs`).
fn is_temporary(name: &str) -> bool {
    name.strip_prefix(".signetd-").is_some_and(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Folders that people put elsewhere and link to. In a backup they are folders.
fn is_followed(path: &Path) -> bool {
    path == Path::new("memory") || path == Path::new(".daemon")
}

/// What a backup says of itself.
fn read_note(backup: &Path) -> Result<Value, Failure> {
    let none = |why: String| format!("{} is no backup: {NOTE}: {why}", backup.display());
    let bytes = inspect::read(&backup.join(NOTE), MOST_NOTE).map_err(|cause| none(cause.to_string()))?;
    let note: Value = serde_json::from_slice(&bytes).map_err(|cause| none(cause.to_string()))?;
    match note["format"].as_u64() {
        Some(FORMAT) => Ok(note),
        _ => Err(none(format!("of format {}, not {FORMAT}", note["format"])).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_is_left_out_and_what_people_own_is_not() {
        for path in [
            "memory/memories.db",
            "memory/memories.db-wal",
            "memory/memories.db.bak-v80-1",
            ".daemon/pid",
            ".daemon/logs/signet-2026-11-30.log",
            "skills/x/node_modules",
            "signetai",
            "STANDBY",
            ".before-restore-20261130T020000Z",
            "memory/.signetd-0123456789abcdef0123456789abcdef",
            ".signetd-restoring",
            "memory/.memories.db-litestream",
        ] {
            assert!(is_left_out(Path::new(path)), "{path}");
        }
        for path in [
            "agent.yaml",
            ".daemon",
            ".daemon/logs",
            ".daemon/logs/transcripts/a.log",
            ".daemon/auth-secret",
            ".secrets/secrets.enc",
            "memory/notes.md",
            "memory/memories.db-notes",
            "memory/.signetd-notes",
            "skills/signetai/SKILL.md",
        ] {
            assert!(!is_left_out(Path::new(path)), "{path}");
        }
    }
}
