//! `.daemon/provider-transitions.json`: the last changes of provider, newest last.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::safety::Transition;
use crate::sys::files;

/// Entries kept.
const KEPT: usize = 100;
/// A larger file is not read: we would not have written it.
const MAX_BYTES: u64 = 1024 * 1024;

pub fn path(daemon_dir: &Path) -> PathBuf {
    daemon_dir.join("provider-transitions.json")
}

/// Oldest first; a missing file is empty, entries that cannot be read are skipped.
pub fn read(path: &Path) -> Vec<Transition> {
    if std::fs::metadata(path).map_or(0, |m| m.len()) > MAX_BYTES {
        return Vec::new();
    }
    let entries = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    entries
        .as_ref()
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Transition::parse).collect())
        .unwrap_or_default()
}

pub fn write(path: &Path, entries: &[Transition]) -> io::Result<()> {
    let kept = &entries[entries.len().saturating_sub(KEPT)..];
    let list: Vec<_> = kept.iter().map(Transition::to_stored).collect();
    files::replace(path, serde_json::to_string_pretty(&list)?.as_bytes(), 0o600)
}
