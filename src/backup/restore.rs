//! Looks whether a backup is whole and sound, and puts it in the place of a workspace.
//!
//! What was there is moved aside into a folder of the workspace, never deleted. The copy is made and checked beside
//! it first; then a name says that entries are being exchanged, and no daemon starts until all are.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{DATABASE, FORMAT, Failure, MOST_NOTE, NOTE, SUMS, TREE, sums, tree, tree::Modes};
use crate::config::Environment;
use crate::core::workspace::{RESTORING, STANDBY};
use crate::db;
use crate::text::hex;

/// Folders of what was there before a restore, with the time behind it.
pub const BEFORE: &str = ".before-restore-";
/// Where the copy is made.
const STAGED: &str = ".signetd-restore";
/// The lock of a workspace lies there, and stays.
const DAEMON: &str = ".daemon";
const LOCK: &str = "pid";

/// A backup that is whole and sound.
pub struct Checked {
    pub made_at: String,
    pub files: usize,
    pub rows: BTreeMap<String, i64>,
    /// What it says it is without.
    pub missing: Vec<String>,
    sums: sums::Sums,
    modes: Modes,
}

/// What a restore did.
pub struct Restored {
    /// Where what was there before is now.
    pub before: Option<PathBuf>,
}

/// Reads all of a backup: every file is there and as it was, none is there that was not, the database is sound and
/// has the rows it had.
pub fn check(backup: &Path) -> Result<Checked, Failure> {
    let note = read_note(&backup.join(NOTE))?;
    let lines = std::fs::read(backup.join(SUMS)).map_err(|cause| format!("{SUMS}: {cause}"))?;
    if note["sumsSha256"].as_str() != Some(&hex(&Sha256::digest(&lines))) {
        return Err(format!("{SUMS} is not the one that was made with this backup").into());
    }
    let sums = sums::read(TREE, &lines).ok_or(format!("{SUMS} cannot be read"))?;
    let root = backup.join(TREE);
    for (path, expected) in &sums {
        let found = tree::digest(&root.join(path)).map_err(|cause| format!("{}: {cause}", path.display()))?;
        if found != *expected {
            return Err(format!("{} is not what it was when the backup was made", path.display()).into());
        }
    }
    let database = root.join(DATABASE);
    let mut rows = BTreeMap::new();
    if sums.contains_key(Path::new(DATABASE)) {
        db::schema::inspect_file(&database)?;
        let problems = db::integrity_problems(&database)?;
        if !problems.is_empty() {
            return Err(format!("its database is damaged: {}", problems.join("; ")).into());
        }
        rows = db::row_counts(&database)?;
    }
    let said: BTreeMap<String, i64> = serde_json::from_value(note["rows"].clone()).unwrap_or_default();
    if said != rows {
        return Err("its database has not the rows it had".into());
    }
    let missing = note["missing"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = missing.map(str::to_owned).collect();
    let made_at = note["madeAt"].as_str().unwrap_or_default().to_owned();
    let modes = if note["modesKept"] == Value::Bool(false) { Modes::Private } else { Modes::Kept };
    Ok(Checked { made_at, files: sums.len(), rows, missing, sums, modes })
}

fn read_note(path: &Path) -> Result<Value, Failure> {
    let none = |why: String| format!("{} is no backup: {why}", path.parent().unwrap_or(path).display());
    let meta = std::fs::metadata(path).map_err(|cause| none(format!("{NOTE}: {cause}")))?;
    if meta.len() > MOST_NOTE {
        return Err(none(format!("{NOTE} is too large")).into());
    }
    let note: Value =
        serde_json::from_slice(&std::fs::read(path)?).map_err(|cause| none(format!("{NOTE}: {cause}")))?;
    match note["format"].as_u64() {
        Some(FORMAT) => Ok(note),
        other => Err(none(format!("of format {other:?}, not {FORMAT}")).into()),
    }
}

/// Whether there is anything in a workspace that a restore would take the place of.
pub fn holds_anything(workspace: &Path) -> bool {
    let has = |folder: &Path, counts: &dyn Fn(&str) -> bool| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        entries.into_iter().any(|entry| entry.file_name().to_str().is_none_or(counts))
    };
    has(workspace, &|name| name != DAEMON && name != STAGED && !is_beside(name))
        || has(&workspace.join(DAEMON), &|name| name != LOCK)
}

/// What lies in a workspace's folder and is not of it, but of the machine.
fn is_beside(name: &str) -> bool {
    name == "lost+found" || name == STANDBY || name.starts_with(BEFORE)
}

/// Puts a checked backup in the place of a workspace that is locked by the caller.
pub fn restore(env: &Environment, backup: &Path, checked: &Checked) -> Result<Restored, Failure> {
    let workspace = &env.workspace;
    in_one_piece(workspace)?;
    let staged = workspace.join(STAGED);
    if staged.exists() {
        // left by one that was ended
        std::fs::remove_dir_all(&staged)?;
    }
    DirBuilder::new().mode(0o700).create(&staged)?;
    let copied = tree::copy(&backup.join(TREE), &staged, checked.modes, |_| false)?;
    if let Some((path, cause)) = copied.missing.first() {
        return Err(format!("{}: {cause}", path.display()).into());
    }
    if copied.sums != checked.sums {
        return Err(
            "the backup holds files that are not in its list, or changed while it was read; nothing was changed".into(),
        );
    }
    give_to_owner(workspace, &staged)?;
    let place = File::open(workspace)?;
    rustix::fs::syncfs(&place)?;
    let restoring = workspace.join(RESTORING);
    let before = exchange(workspace, &staged, &restoring)?;
    std::fs::remove_dir_all(&restoring)?;
    rustix::fs::syncfs(&place)?;
    Ok(Restored { before })
}

/// What is to be moved aside must not be mounted: it would stay, among what is put in its place.
fn in_one_piece(workspace: &Path) -> Result<(), Failure> {
    let device = std::fs::metadata(workspace)?.dev();
    for folder in [workspace.to_owned(), workspace.join(DAEMON)] {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if std::fs::symlink_metadata(&path)?.dev() != device {
                return Err(
                    format!("{} is a file system of its own: restore into another folder", path.display()).into()
                );
            }
        }
    }
    Ok(())
}

/// Root restores for the workspace's owner.
fn give_to_owner(workspace: &Path, staged: &Path) -> Result<(), Failure> {
    let owner = std::fs::metadata(workspace)?;
    if !rustix::process::geteuid().is_root() || owner.uid() == 0 {
        return Ok(());
    }
    let mut paths = vec![staged.to_owned()];
    while let Some(path) = paths.pop() {
        std::os::unix::fs::lchown(&path, Some(owner.uid()), Some(owner.gid()))?;
        if std::fs::symlink_metadata(&path)?.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                paths.push(entry?.path());
            }
        }
    }
    Ok(())
}

/// Moves what is there aside and what is staged in its place.
fn exchange(workspace: &Path, staged: &Path, restoring: &Path) -> Result<Option<PathBuf>, Failure> {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    let before = workspace.join(format!("{BEFORE}{stamp}"));
    if restoring.exists() {
        // of a restore that was ended: what it had not moved comes from a backup, and goes with what is there
        std::fs::rename(restoring, workspace.join(format!("{BEFORE}rest-{stamp}")))?;
    }
    std::fs::rename(staged, restoring)?;
    File::open(workspace)?.sync_all()?;
    DirBuilder::new().mode(0o700).create(&before)?;
    DirBuilder::new().mode(0o700).create(before.join(DAEMON))?;
    move_all(workspace, &before, |name| name == DAEMON || name == RESTORING || is_beside(name))?;
    move_all(&workspace.join(DAEMON), &before.join(DAEMON), |name| name == LOCK)?;
    let daemon = restoring.join(DAEMON);
    if daemon.is_dir() {
        move_all(&daemon, &workspace.join(DAEMON), |name| name == LOCK)?;
    }
    move_all(restoring, workspace, |name| name == DAEMON)?;
    give_to_owner(workspace, &before)?;
    // what is empty goes; what holds something refuses to
    let _ = std::fs::remove_dir(before.join(DAEMON));
    Ok(std::fs::remove_dir(&before).is_err().then_some(before))
}

fn move_all(from: &Path, to: &Path, stays: impl Fn(&str) -> bool) -> Result<(), Failure> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(&stays) {
            std::fs::rename(entry.path(), to.join(&name))?;
        }
    }
    Ok(())
}
