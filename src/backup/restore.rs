//! Puts a checked backup in the place of a workspace.
//!
//! What was there is moved aside into a folder of the workspace, never deleted. The copy is made and compared beside it
//! first; then a name says that entries are being exchanged, and no daemon starts until all are.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::tree::{Rules, copy};
use super::{Checked, Failure, TREE, inspect};
use crate::config::Environment;
use crate::core::workspace::{RESTORING, STAGED, STANDBY};

/// Folders of what was there before a restore, with the time behind it.
pub const BEFORE: &str = ".before-restore-";
/// The lock of a workspace lies there, and stays.
const DAEMON: &str = ".daemon";
const LOCK: &str = "pid";

/// A restore that came to nothing.
pub enum Broken {
    /// The workspace is as it was.
    Before(Failure),
    /// Some entries have been exchanged: no daemon starts on it. What was there is in that folder, as far as it was
    /// moved.
    Within(Failure, PathBuf),
}

impl<E: Into<Failure>> From<E> for Broken {
    fn from(cause: E) -> Self {
        Broken::Before(cause.into())
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

/// Puts a checked backup in the place of a workspace that is locked by the caller. Where what was there is now, newest
/// first.
pub fn restore(env: &Environment, backup: &Path, checked: &Checked) -> Result<Vec<PathBuf>, Broken> {
    let workspace = &env.workspace;
    let (here, there) = (workspace.canonicalize()?, backup.canonicalize()?);
    if here.starts_with(&there) || there.starts_with(&here) {
        return Err(format!("{} and {} lie in each other", backup.display(), workspace.display()).into());
    }
    in_one_piece(workspace)?;
    let staged = workspace.join(STAGED);
    if let Err(cause) = stage(backup, checked, &staged) {
        // half a copy is room that a daemon might need
        let _ = inspect::remove(&staged);
        return Err(Broken::Before(cause));
    }
    let place = File::open(workspace)?;
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let before = (1..)
        .map(|n| workspace.join(if n == 1 { format!("{BEFORE}{stamp}") } else { format!("{BEFORE}{stamp}-{n}") }))
        .find(|path| !path.exists())
        .ok_or("no name is free")?;
    let exchanged = exchange(workspace, &staged, &before).and_then(|()| Ok(rustix::fs::syncfs(&place)?));
    exchanged.map_err(|cause| Broken::Within(cause, before))?;
    let mut all: Vec<PathBuf> = std::fs::read_dir(workspace)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BEFORE)))
        .collect();
    all.sort_by(|a, b| b.cmp(a));
    Ok(all)
}

/// Copies the backup to where it waits for its place, and looks whether it still is what was checked.
fn stage(backup: &Path, checked: &Checked, staged: &Path) -> Result<(), Failure> {
    if std::fs::symlink_metadata(staged).is_ok() {
        // left by one that was ended
        inspect::remove(staged)?;
    }
    DirBuilder::new().mode(0o700).create(staged)?;
    let rules = Rules { modes: checked.modes, is_left_out: |_| false, is_followed: |_| false };
    let copied = copy(&backup.join(TREE), staged, &rules)?;
    if let Some((path, cause)) = copied.missing.first() {
        return Err(format!("{path:?}: {cause}").into());
    }
    if (copied.sums, copied.links, copied.folders) != (checked.sums.clone(), checked.links.clone(), checked.folders) {
        return Err("the backup changed while it was read".into());
    }
    Ok(rustix::fs::syncfs(File::open(staged)?)?)
}

/// What is to be moved aside must not be mounted or linked: it would stay, among what is put in its place, or be
/// taken from elsewhere.
fn in_one_piece(workspace: &Path) -> Result<(), Failure> {
    let device = std::fs::metadata(workspace)?.dev();
    let daemon = workspace.join(DAEMON);
    if std::fs::symlink_metadata(&daemon)?.is_symlink() {
        return Err(format!("{} is a link: restore into another folder", daemon.display()).into());
    }
    for folder in [workspace, &daemon] {
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

/// Moves what is there aside and what is staged in its place.
fn exchange(workspace: &Path, staged: &Path, before: &Path) -> Result<(), Failure> {
    DirBuilder::new().mode(0o700).create(before)?;
    let (restoring, daemon) = (workspace.join(RESTORING), workspace.join(DAEMON));
    if std::fs::symlink_metadata(&restoring).is_ok() {
        // of a restore that was ended: kept as everything else
        move_entry(&restoring, &before.join("unfinished"))?;
    }
    std::fs::rename(staged, &restoring)?;
    File::open(workspace)?.sync_all()?;
    DirBuilder::new().mode(0o700).create(before.join(DAEMON))?;
    move_all(workspace, before, |name| name == DAEMON || name == RESTORING || is_beside(name))?;
    move_all(&daemon, &before.join(DAEMON), |name| name == LOCK)?;
    let restored = restoring.join(DAEMON);
    if restored.is_dir() {
        move_all(&restored, &daemon, |name| name == LOCK)?;
    }
    move_all(&restoring, workspace, |name| name == DAEMON)?;
    // what was moved is on disk before the mark goes
    rustix::fs::syncfs(File::open(workspace)?)?;
    inspect::remove(&restoring)?;
    // what is empty goes; what holds something refuses to
    let _ = std::fs::remove_dir(before.join(DAEMON));
    let _ = std::fs::remove_dir(before);
    Ok(())
}

fn move_all(from: &Path, to: &Path, stays: impl Fn(&str) -> bool) -> Result<(), Failure> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_str().is_some_and(&stays) {
            move_entry(&entry.path(), &to.join(&name))
                .map_err(|cause| format!("{}: {cause}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// A folder that is for reading only takes no other parent, and keeps its mode all the same.
fn move_entry(from: &Path, to: &Path) -> io::Result<()> {
    let meta = std::fs::symlink_metadata(from)?;
    let locked = meta.is_dir() && meta.permissions().mode() & 0o200 == 0;
    if locked {
        std::fs::set_permissions(from, Permissions::from_mode(0o700))?;
    }
    std::fs::rename(from, to)?;
    if locked {
        std::fs::set_permissions(to, meta.permissions())?;
    }
    Ok(())
}
