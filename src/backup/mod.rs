//! Whole copies of a workspace, made while a daemon works on it, and put back.
//!
//! ```text
//! DEST/signet-20261130T020000Z/
//!     workspace/      the files as they were: modes, times and links kept; the database as one sound file
//!     SHA256SUMS      of every file below workspace/, as `sha256sum -c` reads it
//!     backup.json     when, of what, by which version, rows of every table, the checksum of SHA256SUMS
//! ```
//!
//! A backup is made in a folder of another name, synced and renamed when it is whole: what has that name is whole.
//! The database comes first and is one moment's; files are copied after it, so none lacks what the database says.

mod make;
mod restore;
mod sums;
mod tree;

use std::path::Path;

pub use make::{Made, make};
pub use restore::{Checked, Restored, check, holds_anything, restore};

use crate::core::workspace::STANDBY;

/// What went wrong, for a person.
pub type Failure = Box<dyn std::error::Error>;

/// Below a backup's folder.
const TREE: &str = "workspace";
const SUMS: &str = "SHA256SUMS";
const NOTE: &str = "backup.json";
/// Of [`NOTE`]; another is refused.
const FORMAT: u64 = 1;
/// A larger [`NOTE`] is none.
const MOST_NOTE: u64 = 4 * 1024 * 1024;
/// The database, below the workspace.
const DATABASE: &str = "memory/memories.db";

/// What of a workspace is no part of a backup: what runs, what is made again, and copies of what is copied.
fn is_left_out(path: &Path) -> bool {
    let text = path.to_string_lossy();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let top = !text.contains('/');
    // the database is copied by itself, its older copies are not
    text.starts_with(DATABASE)
        || text == ".daemon/pid"
        // log lines are; what was said in a session stands in logs/transcripts
        || (text.starts_with(".daemon/logs/") && text != ".daemon/logs/transcripts" && !text.starts_with(".daemon/logs/transcripts/"))
        || name == "node_modules"
        || name.starts_with(".signetd-")
        || (top && (name.starts_with(restore::BEFORE) || matches!(&*name, STANDBY | "signetai" | ".shadow" | "lost+found")))
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
            "memory/.signetd-0a",
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
            "skills/signetai/SKILL.md",
        ] {
            assert!(!is_left_out(Path::new(path)), "{path}");
        }
    }
}
