//! Whether the open file is still the one of that name.
//!
//! A database file that was deleted, replaced or moved goes on working for whoever has it open, and
//! everything written to it is gone with the process. So device and inode of the name are compared
//! with those of the opened file, of the write-ahead log too: two calls of `stat`, about a microsecond.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::Error;

type Identity = (u64, u64);

pub struct Presence {
    file: PathBuf,
    wal: PathBuf,
    opened: Identity,
    /// Known from the first time the log is seen: it stays while a connection is open.
    opened_wal: OnceLock<Identity>,
}

fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

impl Presence {
    /// Of a file that was just opened.
    pub fn of(file: &Path) -> Result<Self, Error> {
        // SQLite puts the log beside what a link points to
        let mut wal = OsString::from(std::fs::canonicalize(file).map_err(|_| Error::Moved)?);
        wal.push("-wal");
        let opened = identity(file).ok_or(Error::Moved)?;
        let presence = Presence { file: file.to_owned(), wal: wal.into(), opened, opened_wal: OnceLock::new() };
        presence.check()?;
        Ok(presence)
    }

    pub fn check(&self) -> Result<(), Error> {
        if identity(&self.file) != Some(self.opened) {
            return Err(Error::Moved);
        }
        match (self.opened_wal.get(), identity(&self.wal)) {
            (None, Some(seen)) => {
                // another thread may have been first, with the same
                let _ = self.opened_wal.set(seen);
                Ok(())
            }
            (Some(opened), seen) if seen != Some(*opened) => Err(Error::Moved),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_file_is_missed_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let (file, away) = (folder.path().join("m.db"), folder.path().join("away.db"));
        std::fs::write(&file, b"one").unwrap();
        let presence = Presence::of(&file).unwrap();
        assert!(presence.check().is_ok());
        std::fs::rename(&file, &away).unwrap();
        assert!(presence.check().is_err());
        std::fs::write(&file, b"two").unwrap();
        assert!(presence.check().is_err(), "another file of that name");
        std::fs::rename(&away, &file).unwrap();
        assert!(presence.check().is_ok());
        let wal = folder.path().join("m.db-wal");
        std::fs::write(&wal, b"log").unwrap();
        assert!(presence.check().is_ok());
        std::fs::remove_file(&wal).unwrap();
        assert!(presence.check().is_err(), "without the log");
    }
}
