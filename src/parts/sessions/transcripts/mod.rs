//! What a session says: taken from hooks, stored, found again, and written to files.
//!
//! A transcript is on disk (in the database) when a hook is answered. Files come after the answer: from jobs at a
//! session's end, from a list of sessions that have said something new while they run.

mod archive;
mod audit;
mod capture;
mod contents;
mod given;
mod jsonl;
mod lean;
pub mod lineage;
mod live;
mod noise;
mod normal;
mod search;
mod skills;

use std::path::{Path, PathBuf};

pub use archive::{Archive, Failure};
pub use capture::{CaptureQueue, CaptureWorker};
pub use contents::Author;
pub use given::{Given, Raw};
pub use jsonl::Origin;
pub use live::{Live, Spoken};
pub use noise::is_noise;
pub use normal::normalise;
pub use search::{Question, excerpt};
pub use skills::uses as skill_uses;

/// Where the conversations of a harness stand.
pub fn lineage_path(workspace: &Path, harness: &str) -> String {
    let path: PathBuf = workspace.join(jsonl::path_of(harness));
    path.display().to_string()
}
