//! Copies a folder with what is in it: modes, times and links are kept, files are hashed as they are copied.

use std::fs::{DirBuilder, File, FileTimes, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::inspect::{Links, PIECE, open, text};
use super::sums::Sums;
use crate::text::hex;

/// What a copy came to.
#[derive(Default)]
pub struct Copied {
    pub sums: Sums,
    pub links: Links,
    pub folders: usize,
    pub bytes: u64,
    /// Sockets, pipes and devices, which are no content.
    pub passed: Vec<PathBuf>,
    /// What could not be read, or has no place where it should go (a link on a stick's file system), and why.
    pub missing: Vec<(PathBuf, io::Error)>,
    /// Whether all copies have the modes of their originals: not where there are none.
    pub modes_lost: bool,
}

/// The modes of copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// As they are.
    Kept,
    /// For their owner alone: where they come from they were lost.
    Private,
}

/// What a copy does with some paths below its source.
pub struct Rules {
    pub modes: Modes,
    pub is_left_out: fn(&Path) -> bool,
    /// Links to folders that are copied as the folder they lead to.
    pub is_followed: fn(&Path) -> bool,
}

/// Copies what is below `from` to the folder `to`, which is there and empty. What vanishes meanwhile was not there. A file that
/// grows meanwhile is copied as long as it was.
pub fn copy(from: &Path, to: &Path, rules: &Rules) -> io::Result<Copied> {
    let mut copied = Copied::default();
    let mut folders = vec![PathBuf::new()];
    // modes and times of folders come last: a folder may be for reading only, and what is put in changes its time
    let mut made = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(from.join(&folder)) {
            Ok(entries) => entries,
            Err(cause) => {
                copied.miss(folder, cause);
                continue;
            }
        };
        for entry in entries {
            let path = folder.join(entry?.file_name());
            if (rules.is_left_out)(&path) {
                continue;
            }
            let meta = match look(&from.join(&path), (rules.is_followed)(&path)) {
                Ok(meta) => meta,
                Err(cause) => {
                    copied.miss(path, cause);
                    continue;
                }
            };
            if meta.is_dir() {
                match DirBuilder::new().mode(0o700).create(to.join(&path)) {
                    Ok(()) => {}
                    Err(cause) if has_no_place(&cause) => {
                        copied.miss(path, cause);
                        continue;
                    }
                    Err(cause) => return Err(at(&path, &cause)),
                }
                copied.folders += 1;
                made.push((path.clone(), meta));
                folders.push(path);
            } else {
                one(from, to, path, &meta, rules.modes, &mut copied)?;
            }
        }
    }
    for (path, meta) in made.into_iter().rev() {
        copied.modes_lost |= !settle(&File::open(to.join(path))?, &meta, rules.modes)?;
    }
    Ok(copied)
}

fn look(path: &Path, is_followed: bool) -> io::Result<Metadata> {
    let meta = std::fs::symlink_metadata(path)?;
    if is_followed && meta.is_symlink() { std::fs::metadata(path) } else { Ok(meta) }
}

impl Copied {
    fn miss(&mut self, path: PathBuf, cause: io::Error) {
        // gone, or the folder it was in
        if !matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            self.missing.push((path, cause));
        }
    }
}

/// Whether a file system cannot hold such an entry, and not for want of room.
fn has_no_place(cause: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, PermissionDenied, Unsupported};
    matches!(cause.kind(), PermissionDenied | InvalidInput | InvalidFilename | Unsupported)
}

/// Copies what is no folder. An error is the target's.
fn one(from: &Path, to: &Path, path: PathBuf, meta: &Metadata, modes: Modes, copied: &mut Copied) -> io::Result<()> {
    if meta.is_symlink() {
        return link(from, to, path, copied);
    }
    if !meta.is_file() {
        copied.passed.push(path);
        return Ok(());
    }
    let target = OpenOptions::new().create_new(true).write(true).mode(0o600).open(to.join(&path));
    let hashed = match (open(&from.join(&path)), target) {
        (Ok(source), Ok(target)) => {
            file(Source { file: &source, left: meta.len(), failed: None }, target).map_err(|cause| at(&path, &cause))?
        }
        (Err(cause), _) => Err(cause),
        (_, Err(cause)) if has_no_place(&cause) => Err(cause),
        (_, Err(cause)) => return Err(at(&path, &cause)),
    };
    match hashed {
        Ok((target, digest, bytes)) => {
            copied.modes_lost |= !settle(&target, meta, modes)?;
            copied.bytes += bytes;
            copied.sums.insert(path, digest);
        }
        Err(cause) => {
            // half of it, if it came to be
            let _ = std::fs::remove_file(to.join(&path));
            copied.miss(path, cause);
        }
    }
    Ok(())
}

fn link(from: &Path, to: &Path, path: PathBuf, copied: &mut Copied) -> io::Result<()> {
    let target = match std::fs::read_link(from.join(&path)) {
        Ok(target) => target,
        Err(cause) => {
            copied.miss(path, cause);
            return Ok(());
        }
    };
    match std::os::unix::fs::symlink(&target, to.join(&path)) {
        Ok(()) => {
            copied.links.insert(text(&path), text(&target));
        }
        Err(cause) if has_no_place(&cause) => {
            copied.miss(path, io::Error::new(cause.kind(), "a link, which the place of the backup cannot hold"));
        }
        Err(cause) => return Err(at(&path, &cause)),
    }
    Ok(())
}

/// Says which one failed.
fn at(path: &Path, cause: &io::Error) -> io::Error {
    io::Error::new(cause.kind(), format!("{path:?}: {cause}"))
}

/// What is read, so far; its failure is told from one of the target.
struct Source<'a> {
    file: &'a File,
    left: u64,
    failed: Option<io::Error>,
}

impl Source<'_> {
    /// The next piece; none at the end, or when reading failed.
    fn piece<'b>(&mut self, buffer: &'b mut [u8]) -> &'b [u8] {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        loop {
            match self.file.read(&mut buffer[..most]) {
                Ok(bytes) => {
                    self.left -= bytes as u64;
                    return &buffer[..bytes];
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    self.failed = Some(cause);
                    return &[];
                }
            }
        }
    }
}

type Hashed = (File, String, u64);

/// Copies the content of one file. The outer error is the target's, the inner one the source's.
fn file(mut source: Source<'_>, mut target: File) -> io::Result<io::Result<Hashed>> {
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; PIECE]);
    loop {
        let piece = source.piece(&mut buffer);
        if piece.is_empty() {
            break;
        }
        hash.update(piece);
        bytes += piece.len() as u64;
        target.write_all(piece)?;
    }
    Ok(match source.failed {
        Some(cause) => Err(cause),
        None => Ok((target, hex(&hash.finalize()), bytes)),
    })
}

/// Gives a copy the mode and the time of its original; whether it has the mode. Never a bit that lets it act as its
/// owner.
fn settle(copy: &File, meta: &Metadata, modes: Modes) -> io::Result<bool> {
    let mode = match modes {
        Modes::Kept => meta.permissions().mode() & 0o777,
        Modes::Private if meta.is_dir() => 0o700,
        Modes::Private => 0o600,
    };
    match copy.set_permissions(Permissions::from_mode(mode)) {
        Err(cause) if !has_no_place(&cause) => return Err(cause),
        _ => {}
    }
    match copy.set_times(FileTimes::new().set_modified(meta.modified()?)) {
        Err(cause) if !has_no_place(&cause) => return Err(cause),
        _ => {}
    }
    Ok(copy.metadata()?.permissions().mode() & 0o777 == mode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::inspect::{digest, list, remove};

    #[test]
    fn modes_links_and_empty_folders_are_kept_and_pipes_passed_over() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| from.path().join(name);
        std::fs::create_dir_all(at("deep/empty")).unwrap();
        std::fs::write(at("deep/file"), b"content").unwrap();
        std::fs::set_permissions(at("deep/file"), Permissions::from_mode(0o4750)).unwrap();
        std::fs::write(at("left.out"), b"x").unwrap();
        std::os::unix::fs::symlink("deep/file", at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), 0o600.into()).unwrap();
        std::fs::set_permissions(at("deep"), Permissions::from_mode(0o500)).unwrap();
        let mut rules =
            Rules { modes: Modes::Kept, is_left_out: |path| path == Path::new("left.out"), is_followed: |_| false };
        let copied = copy(from.path(), to.path(), &rules).unwrap();
        let there = |name: &str| to.path().join(name);
        assert_eq!(copied.sums.keys().collect::<Vec<_>>(), [Path::new("deep/file")]);
        assert_eq!(copied.sums[Path::new("deep/file")], digest(&at("deep/file")).unwrap());
        assert_eq!(copied.passed, [PathBuf::from("pipe")]);
        assert!(copied.missing.is_empty() && !copied.modes_lost);
        assert_eq!(std::fs::metadata(there("deep/file")).unwrap().permissions().mode() & 0o7777, 0o750);
        assert_eq!(std::fs::metadata(there("deep")).unwrap().permissions().mode() & 0o7777, 0o500);
        assert!(there("deep/empty").is_dir());
        assert_eq!(std::fs::read_link(there("link")).unwrap(), Path::new("deep/file"));
        assert!(!there("left.out").exists());
        let time = |path: PathBuf| std::fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(time(there("deep/file")), time(at("deep/file")));
        let private = tempfile::tempdir().unwrap();
        rules.modes = Modes::Private;
        copy(from.path(), private.path(), &rules).unwrap();
        let mode = |name: &str| std::fs::metadata(private.path().join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("deep"), mode("deep/file")), (0o700, 0o600));
        let listed = list(to.path()).unwrap();
        assert_eq!(listed.files.into_iter().collect::<Vec<_>>(), [Path::new("deep/file")]);
        assert_eq!((listed.links, listed.others.len()), (copied.links, 0));
        // also as somebody who is not root
        remove(&there("deep")).unwrap();
        std::fs::set_permissions(at("deep"), Permissions::from_mode(0o700)).unwrap();
    }
}
