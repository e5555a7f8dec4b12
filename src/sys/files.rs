//! Writing files so that a crash leaves the old or the new one, never half of either.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Replaces a file's content: a temporary file beside it, synced, renamed over it.
///
/// A link is followed and its target replaced; mode and owner of an existing file are kept, a new
/// one gets `mode`.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    replace_with(path, mode, |file| file.write_all(content))
}

/// Writes a file over in its place: no file comes and goes, which costs a small disk more than the content. A reader may
/// see it half written, and so may who looks after a crash. For what is only looked at.
pub fn rewrite(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(path)?;
    file.write_all(content)
}

/// [`replace`] with what a function writes.
pub fn replace_with(path: &Path, mode: u32, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let known = std::fs::metadata(&target).ok();
    let mode = known.as_ref().map_or(mode, |m| m.permissions().mode() & 0o777);
    let temporary = temporary(&target);
    let written = write_new(&temporary, write, mode).and_then(|file| {
        if let Some(known) = &known {
            keep_owner(&file, known)?;
        }
        file.sync_all()?;
        std::fs::rename(&temporary, &target)?;
        sync_folder(&target)
    });
    if written.is_err() {
        // what is left of the attempt; it may not have come to be
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// Only root can give a file away, and a service may not even ask to.
fn keep_owner(file: &File, known: &Metadata) -> io::Result<()> {
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (known.uid(), known.gid()) {
        let _ = std::os::unix::fs::fchown(file, Some(known.uid()), Some(known.gid()));
    }
    Ok(())
}

fn write_new(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>, mode: u32) -> io::Result<File> {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(path)?;
    write(&mut file)?;
    Ok(file)
}

fn temporary(target: &Path) -> PathBuf {
    // no longer than a disk takes, however long the name it is for
    target.with_file_name(format!(".signetd-{}", uuid::Uuid::new_v4().simple()))
}

/// A rename is on disk when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_modes_are_kept_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real.md");
        replace(&real, b"one", 0o600).unwrap();
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.md");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"two", 0o600).unwrap();
        assert_eq!(std::fs::read(&real).unwrap(), b"two");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
