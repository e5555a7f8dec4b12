//! Makes a backup, and takes the oldest ones away.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{DATABASE, FORMAT, Failure, NOTE, SUMS, TREE, is_left_out, sums, tree, tree::Modes};
use crate::config::Environment;
use crate::db;
use crate::sys::files;
use crate::text::{hex, time};

/// What a whole backup's folder is called, with its time behind it.
const NAME: &str = "signet-";
/// What one is called that is being made.
const PARTIAL: &str = ".partial-signet-";

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
}

/// Makes a backup of a workspace in a folder of its own below `destination`. With `keep`, the newest so many of those that
/// are there stay, if this one lacks nothing.
pub fn make(env: &Environment, destination: &Path, keep: Option<usize>) -> Result<Made, Failure> {
    if !env.workspace.is_dir() {
        return Err(format!("there is no workspace at {}", env.workspace.display()).into());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(destination)?;
    let (destination, workspace) = (destination.canonicalize()?, env.workspace.canonicalize()?);
    if destination.starts_with(&workspace) {
        return Err(format!("{} lies in the workspace, and would be lost with it", destination.display()).into());
    }
    let place = File::open(&destination)?;
    if flock(&place, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(format!("another backup is being made in {}", destination.display()).into());
    }
    // nobody makes one now: what is half made was left by one that was ended
    for (left, _) in backups(&destination, PARTIAL)? {
        std::fs::remove_dir_all(left)?;
    }
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let partial = destination.join(format!("{PARTIAL}{stamp}"));
    DirBuilder::new().mode(0o700).create(&partial)?;
    let made = fill(env, &partial).and_then(|made| {
        rustix::fs::syncfs(&place)?;
        let path = free_name(&destination, &stamp);
        std::fs::rename(&partial, &path)?;
        place.sync_all()?;
        Ok(Made { path, ..made })
    });
    if made.is_err() {
        // the reason is what to tell; the next backup takes away what is left
        let _ = std::fs::remove_dir_all(&partial);
    }
    let mut made = made?;
    if let Some(keep) = keep.filter(|_| made.missing.is_empty()) {
        made.removed = remove_oldest(&destination, keep)?;
    }
    Ok(made)
}

/// Two may be made in a second.
fn free_name(destination: &Path, stamp: &str) -> PathBuf {
    let names = std::iter::once(format!("{NAME}{stamp}")).chain((2..).map(|n| format!("{NAME}{stamp}-{n}")));
    let mut paths = names.map(|name| destination.join(name));
    paths.find(|path| !path.exists()).unwrap_or_else(|| destination.join(NAME))
}

fn fill(env: &Environment, partial: &Path) -> Result<Made, Failure> {
    let to = partial.join(TREE);
    DirBuilder::new().mode(0o700).create(&to)?;
    let database = to.join(DATABASE);
    // before the files: none of them then lacks what the database says
    let found = env.database();
    let whole = partial.join("database");
    let rows = if found.exists() { Some(database_into(&found, &whole)?) } else { None };
    let mut copied = tree::copy(&env.workspace, &to, Modes::Kept, is_left_out)?;
    if rows.is_some() {
        DirBuilder::new().recursive(true).mode(0o700).create(to.join("memory"))?;
        std::fs::rename(&whole, &database)?;
        copied.bytes += std::fs::metadata(&database)?.len();
        copied.sums.insert(DATABASE.into(), tree::digest(&database)?);
    }
    let missing: Vec<String> =
        copied.missing.iter().map(|(path, cause)| format!("{}: {cause}", path.display())).collect();
    let lines = sums::write(TREE, &copied.sums);
    let rows = rows.unwrap_or_default();
    let note = json!({
        "format": FORMAT,
        "madeAt": time::iso(jiff::Timestamp::now()),
        "madeBy": format!("signetd {}", env!("CARGO_PKG_VERSION")),
        "workspace": env.workspace.to_string_lossy(),
        "files": copied.sums.len(),
        "bytes": copied.bytes,
        "rows": rows,
        "missing": missing,
        "modesKept": !copied.modes_lost,
        "passedOver": copied.passed.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        "sumsSha256": hex(&Sha256::digest(&lines)),
    });
    files::replace(&partial.join(SUMS), &lines, 0o600)?;
    files::replace(&partial.join(NOTE), format!("{note:#}\n").as_bytes(), 0o600)?;
    let (files, bytes) = (copied.sums.len(), copied.bytes);
    Ok(Made { path: PathBuf::new(), files, bytes, rows, missing, removed: Vec::new() })
}

/// Copies the database and looks whether the copy is sound; the rows of each of its tables.
fn database_into(from: &Path, to: &Path) -> Result<BTreeMap<String, i64>, Failure> {
    db::copy(from, to)?;
    let problems = db::integrity_problems(to)?;
    if !problems.is_empty() {
        return Err(format!("the database is damaged: {}", problems.join("; ")).into());
    }
    Ok(db::row_counts(to)?)
}

/// Folders whose names begin so, with what stands behind it, oldest first.
fn backups(destination: &Path, beginning: &str) -> Result<Vec<(PathBuf, String)>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(destination)? {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(stamp) = name.to_str().and_then(|name| name.strip_prefix(beginning))
            && entry.file_type()?.is_dir()
        {
            found.push((entry.path(), stamp.to_owned()));
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}

/// Only what is a backup is counted, and taken away.
fn remove_oldest(destination: &Path, keep: usize) -> Result<Vec<PathBuf>, Failure> {
    let mut whole: Vec<PathBuf> = backups(destination, NAME)?.into_iter().map(|(path, _)| path).collect();
    whole.retain(|path| path.join(NOTE).is_file() && path.join(SUMS).is_file());
    let too_many = whole.len().saturating_sub(keep.max(1));
    whole.truncate(too_many);
    for path in &whole {
        // under another name first: what is half taken away is no backup
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let going = destination.join(name.replacen(NAME, PARTIAL, 1));
        std::fs::rename(path, &going)?;
        std::fs::remove_dir_all(going)?;
    }
    Ok(whole)
}
