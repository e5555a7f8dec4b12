//! Makes a backup, and takes the oldest ones away.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::inspect::{self, text};
use super::tree::{Modes, Rules};
use super::{
    DATABASE, FORMAT, Failure, MOST_NOTE, MOST_SUMS, NOTE, SUMS, TREE, is_followed, is_left_out, read_note, sums, tree,
};
use crate::config::Environment;
use crate::core::workspace;
use crate::db;
use crate::sys::files;
use crate::text::{hex, time};

/// What a finished backup's folder is called, with its time behind it.
const NAME: &str = "signet-";
/// What one is called that is being made, or taken away.
const PARTIAL: &str = ".partial-signet-";

/// Files that are told to be missing or passed over; of more, how many.
const TOLD: usize = 1_000;

/// A backup that was made.
pub struct Made {
    pub path: PathBuf,
    pub files: usize,
    pub bytes: u64,
    /// Rows of each table.
    pub rows: BTreeMap<String, i64>,
    /// Files that could not be copied, with the reason: the backup is without them.
    pub missing: Vec<String>,
    /// Older backups that were taken away.
    pub removed: Vec<PathBuf>,
    /// Why what should be taken away is still there.
    pub left: Vec<String>,
}

/// Makes a backup of a workspace in a folder of its own below `destination`. With `keep`, the newest so many of this
/// workspace's stay, if this one lacks nothing.
pub fn make(env: &Environment, destination: &Path, keep: Option<usize>) -> Result<Made, Failure> {
    workspace::check_layout(env)?;
    if !std::fs::metadata(env.database()).is_ok_and(|meta| meta.is_file()) {
        return Err(format!("there is no database in {}: no daemon has served it yet", env.workspace.display()).into());
    }
    let workspace = env.workspace.canonicalize()?;
    let mut there = std::path::absolute(destination)?.ancestors().find_map(|folder| folder.canonicalize().ok());
    if there.take_if(|folder| folder.starts_with(&workspace)).is_some() {
        return Err(format!("{} lies in the workspace, and would be lost with it", destination.display()).into());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(destination)?;
    let destination = destination.canonicalize()?;
    let place = File::open(&destination)?;
    let mut left = Vec::new();
    match flock(&place, FlockOperation::NonBlockingLockExclusive) {
        // nobody else makes one now: what is half made was left by one that was ended
        Ok(()) => left.extend(remove_partial(&destination)?),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            return Err(format!("another backup is being made in {}", destination.display()).into());
        }
        // some file systems of other machines have no locks
        Err(cause) => log::debug!(target: "backup", "{} cannot be locked: {cause}", destination.display()),
    }
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let partial = free_name(&destination, PARTIAL, &stamp);
    DirBuilder::new().mode(0o700).create(&partial)?;
    let made = fill(env, &workspace, &partial).and_then(|made| {
        rustix::fs::syncfs(&place)?;
        let path = free_name(&destination, NAME, &stamp);
        std::fs::rename(&partial, &path)?;
        place.sync_all()?;
        Ok(Made { path, ..made })
    });
    if made.is_err() {
        // the reason is what to tell; the next backup takes away what is left
        let _ = inspect::remove(&partial);
    }
    let mut made = made?;
    made.left = left;
    if let Some(keep) = keep.filter(|_| made.missing.is_empty()) {
        // it was made, whatever comes of the others
        if let Err(cause) = remove_oldest(&destination, &workspace, keep, &mut made) {
            made.left.push(format!("older backups: {cause}"));
        }
    }
    Ok(made)
}

/// Two may be made in a second.
fn free_name(folder: &Path, name: &str, stamp: &str) -> PathBuf {
    let first = folder.join(format!("{name}{stamp}"));
    let others = (2..).map(|n| folder.join(format!("{name}{stamp}-{n}")));
    std::iter::once(first.clone()).chain(others).find(|path| !path.exists()).unwrap_or(first)
}

fn fill(env: &Environment, workspace: &Path, partial: &Path) -> Result<Made, Failure> {
    let to = partial.join(TREE);
    DirBuilder::new().mode(0o700).create(&to)?;
    // before the files: none of them then lacks what the database says
    let whole = partial.join("database");
    let rows = database_into(&env.database(), &whole)?;
    let mut copied = tree::copy(workspace, &to, &Rules { modes: Modes::Kept, is_left_out, is_followed })?;
    let database = to.join(DATABASE);
    if let Some(folder) = database.parent().filter(|folder| !folder.exists()) {
        DirBuilder::new().mode(0o700).create(folder)?;
    }
    std::fs::rename(&whole, &database)?;
    copied.bytes += std::fs::metadata(&database)?.len();
    copied.sums.insert(DATABASE.into(), inspect::digest(&database)?);
    let mut missing: Vec<String> =
        copied.missing.iter().take(TOLD).map(|(path, cause)| format!("{}: {cause}", path.display())).collect();
    if copied.missing.len() > TOLD {
        missing.push(format!("{} more", copied.missing.len() - TOLD));
    }
    let lines = sums::write(TREE, &copied.sums);
    let note = json!({
        "format": FORMAT,
        "madeAt": time::iso(jiff::Timestamp::now()),
        "madeBy": format!("signetd {}", env!("CARGO_PKG_VERSION")),
        "workspace": text(workspace),
        "files": copied.sums.len(),
        "bytes": copied.bytes,
        "rows": rows,
        "folders": copied.folders,
        "links": copied.links,
        "host": host(),
        "missing": missing,
        "modesKept": !copied.modes_lost,
        "passedOver": copied.passed.iter().take(TOLD).map(|path| text(path)).collect::<Vec<_>>(),
        "sumsSha256": hex(&Sha256::digest(&lines)),
    });
    let note = format!("{note:#}\n");
    if lines.len() as u64 > MOST_SUMS || note.len() as u64 > MOST_NOTE {
        return Err("the workspace holds more files or links than a backup can list".into());
    }
    files::replace(&partial.join(SUMS), &lines, 0o600)?;
    files::replace(&partial.join(NOTE), note.as_bytes(), 0o600)?;
    let (files, bytes) = (copied.sums.len(), copied.bytes);
    Ok(Made { path: PathBuf::new(), files, bytes, rows, missing, removed: Vec::new(), left: Vec::new() })
}

/// Copies the database and looks whether the copy is sound; the rows of each of its tables.
fn database_into(from: &Path, to: &Path) -> Result<BTreeMap<String, i64>, Failure> {
    db::copy(from, to)?;
    let problems = db::integrity_problems(to)?;
    if !problems.is_empty() {
        return Err(format!("the database is damaged: {}", problems.join("; ")).into());
    }
    let rows = db::row_counts(to)?;
    if !rows.contains_key("memories") {
        return Err(format!("{} is no database of Signet's", from.display()).into());
    }
    Ok(rows)
}

/// The machine's name: several may share a place for their backups.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Folders whose names begin so, oldest first.
fn folders(destination: &Path, beginning: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(destination)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(beginning)) && entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// Takes away what was left half made, or half taken away; what cannot be is told.
fn remove_partial(destination: &Path) -> Result<Vec<String>, Failure> {
    let removed = folders(destination, PARTIAL)?.into_iter().map(|path| (inspect::remove(&path), path));
    Ok(removed.filter_map(|(removed, path)| Some(format!("{}: {}", path.display(), removed.err()?))).collect())
}

/// Only backups of the same workspace of this machine that have the names they were given are counted, and taken away;
/// never the one that was just made. What is dated in the future, by a clock that was wrong, goes first.
fn remove_oldest(destination: &Path, workspace: &Path, keep: usize, made: &mut Made) -> Result<(), Failure> {
    let (now, workspace, host) = (time::iso(jiff::Timestamp::now()), text(workspace), host());
    let mut others = Vec::new();
    for path in folders(destination, NAME)?.into_iter().filter(|path| *path != made.path && has_stamp(path)) {
        if let Ok(note) = read_note(&path)
            && note["workspace"] == workspace
            && note["host"] == host
        {
            let made_at = note["madeAt"].as_str().unwrap_or_default().to_owned();
            others.push((made_at <= now, made_at, path));
        }
    }
    others.sort();
    let too_many = (others.len() + 1).saturating_sub(keep.max(1));
    let others = others.into_iter().map(|(_, _, path)| path);
    for path in others.take(too_many) {
        // under another name first: what is half taken away is no backup
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let going = free_name(destination, PARTIAL, name.strip_prefix(NAME).unwrap_or_default());
        match std::fs::rename(&path, &going).and_then(|()| inspect::remove(&going)) {
            Ok(()) => made.removed.push(path),
            Err(cause) => made.left.push(format!("{}: {cause}", path.display())),
        }
    }
    Ok(())
}

/// Whether a backup has the name it was made with: what people have renamed is theirs.
fn has_stamp(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stamp = name.strip_prefix(NAME).unwrap_or_default();
    let shape = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        16 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    stamp.len() >= 16 && stamp.bytes().enumerate().all(shape)
}
