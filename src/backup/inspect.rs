//! What lies below a folder: listed, read, hashed, removed. Links are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use crate::text::hex;

/// Bytes read at a time.
pub const PIECE: usize = 128 * 1024;

/// Where each link leads, as far as these are texts.
pub type Links = BTreeMap<String, String>;

/// A path as far as it is a text.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What is below a folder, without a look at what is in the files.
#[derive(Default)]
pub struct Listed {
    pub folders: BTreeSet<PathBuf>,
    pub files: BTreeSet<PathBuf>,
    pub links: Links,
    /// What is neither a file nor a link nor a folder.
    pub others: BTreeSet<PathBuf>,
}

/// Lists a folder, which is no link itself.
pub fn list(root: &Path) -> io::Result<Listed> {
    let mut listed = Listed::default();
    let mut folders = vec![PathBuf::new()];
    if !std::fs::symlink_metadata(root)?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"));
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let (path, kind) = (folder.join(entry.file_name()), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path.clone());
                listed.folders.insert(path);
            } else if kind.is_file() {
                listed.files.insert(path);
            } else if kind.is_symlink() {
                listed.links.insert(text(&path), text(&std::fs::read_link(root.join(&path))?));
            } else {
                listed.others.insert(path);
            }
        }
    }
    Ok(listed)
}

/// A regular file of at most so many bytes, whole.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large"));
    }
    Ok(bytes)
}

/// Removes a folder with what is in it, also folders that are for reading only.
pub fn remove(folder: &Path) -> io::Result<()> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700))?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    std::fs::remove_dir_all(folder)
}

/// A regular file, and nothing that took its place since it was looked at.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no longer a file"));
    }
    Ok(file)
}

/// The SHA-256 of a file.
pub fn digest(path: &Path) -> io::Result<String> {
    let mut file = open(path)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; PIECE]);
    loop {
        let bytes = file.read(&mut buffer)?;
        if bytes == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..bytes]);
    }
}
