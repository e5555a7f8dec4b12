//! Looks whether a backup is as it was made, and sound.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::inspect::{self, Links, Listed};
use super::tree::Modes;
use super::{DATABASE, Failure, MOST_SUMS, SUMS, TREE, is_followed, is_left_out, read_note, sums};
use crate::db;
use crate::text::hex;

/// A backup that is as it was made, and sound.
pub struct Checked {
    pub made_at: String,
    pub files: usize,
    pub rows: BTreeMap<String, i64>,
    /// What it says it is without.
    pub missing: Vec<String>,
    pub(super) sums: sums::Sums,
    pub(super) links: Links,
    pub(super) folders: usize,
    pub(super) modes: Modes,
}

/// Reads all of a backup: every file is there and as it was, nothing is there that was not, the database is sound and
/// has the rows it had.
pub fn check(backup: &Path) -> Result<Checked, Failure> {
    let note = read_note(backup)?;
    let lines = inspect::read(&backup.join(SUMS), MOST_SUMS).map_err(|cause| format!("{SUMS}: {cause}"))?;
    if note["sumsSha256"].as_str() != Some(&hex(&Sha256::digest(&lines))) {
        return Err(format!("{SUMS} is not the one that was made with this backup").into());
    }
    let sums = sums::read(TREE, &lines).ok_or(format!("{SUMS} cannot be read"))?;
    let root = backup.join(TREE);
    let listed = inspect::list(&root).map_err(|cause| format!("{}: {cause}", root.display()))?;
    let links = serde_json::from_value(note["links"].clone()).unwrap_or_default();
    nothing_else(&listed, &sums, &links)?;
    if note["folders"] != listed.folders.len() {
        return Err("it has not the folders it had".into());
    }
    for (path, expected) in &sums {
        let found = inspect::digest(&root.join(path)).map_err(|cause| format!("{path:?}: {cause}"))?;
        if found != *expected {
            return Err(format!("{path:?} is not what it was when the backup was made").into());
        }
    }
    let rows = sound_rows(&root.join(DATABASE))?;
    let said: BTreeMap<String, i64> = serde_json::from_value(note["rows"].clone()).unwrap_or_default();
    if said != rows {
        return Err("its database has not the rows it had".into());
    }
    let missing = note["missing"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Checked {
        made_at: note["madeAt"].as_str().unwrap_or_default().to_owned(),
        files: sums.len(),
        rows,
        missing: missing.map(str::to_owned).collect(),
        sums,
        links,
        folders: listed.folders.len(),
        modes: if note["modesKept"] == Value::Bool(false) { Modes::Private } else { Modes::Kept },
    })
}

/// Files and links are those that were copied, and none is what no backup holds.
fn nothing_else(listed: &Listed, sums: &sums::Sums, links: &Links) -> Result<(), Failure> {
    let unknown = listed.files.iter().find(|path| !sums.contains_key(*path)).or(listed.others.first());
    if let Some(path) = unknown {
        return Err(format!("{path:?} was not there when the backup was made: take it away to restore the rest").into());
    }
    if let Some(path) = sums.keys().find(|path| !listed.files.contains(*path)) {
        return Err(format!("{path:?} is missing").into());
    }
    let differs = |path: &&String| listed.links.get(*path) != links.get(*path);
    if let Some(path) = listed.links.keys().chain(links.keys()).find(differs) {
        return Err(format!("the link {path:?} is not what it was when the backup was made").into());
    }
    let links = listed.links.keys().map(Path::new);
    let files = sums.keys().filter(|path| *path != Path::new(DATABASE)).map(PathBuf::as_path);
    let folders = listed.folders.iter().map(PathBuf::as_path);
    let made_by_none = links
        .clone()
        .find(|path| is_followed(path))
        .or_else(|| links.chain(files).chain(folders).find(|path| path.ancestors().any(is_left_out)));
    match made_by_none {
        Some(path) => Err(format!("{path:?} is in no backup that signetd makes").into()),
        None => Ok(()),
    }
}

/// The rows of each table of a database that is sound.
fn sound_rows(database: &Path) -> Result<BTreeMap<String, i64>, Failure> {
    db::schema::inspect_file(database)?;
    let problems = db::integrity_problems(database)?;
    if !problems.is_empty() {
        return Err(format!("its database is damaged: {}", problems.join("; ")).into());
    }
    Ok(db::row_counts(database)?)
}
