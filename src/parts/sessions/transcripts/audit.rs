//! Raw transcripts as they were sent, for who has to look at what a harness really said. Kept within a bound.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::sys::files;
use crate::text::hex;

/// Files kept, and bytes of them in all; the oldest go first.
const MOST: usize = 400;
const MOST_BYTES: u64 = 256 * 1024 * 1024;

fn folder(daemon: &Path) -> io::Result<PathBuf> {
    let folder = daemon.join("logs/transcripts");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    Ok(folder)
}

fn token(agent: &str, session: &str) -> String {
    hex(&Sha256::digest(format!("{agent}:{session}").as_bytes()))[..16].to_owned()
}

/// What a session sent last.
pub fn write_latest(daemon: &Path, agent: &str, session: &str, raw: &str) -> io::Result<()> {
    let folder = folder(daemon)?;
    let path = folder.join(format!("{}--latest.log", token(agent, session)));
    let is_new = !path.exists();
    files::replace_soon(&path, raw.as_bytes(), 0o600)?;
    if is_new { prune(&folder) } else { Ok(()) }
}

/// What a session had sent when it was captured.
pub fn write_raw(daemon: &Path, agent: &str, session: &str, captured_at: &str, raw: &str) -> io::Result<()> {
    let folder = folder(daemon)?;
    let name = format!("{}--{}--raw-transcript.log", captured_at.replace(':', "-"), token(agent, session));
    files::replace_soon(&folder.join(name), raw.as_bytes(), 0o600)?;
    prune(&folder)
}

fn prune(folder: &Path) -> io::Result<()> {
    let mut all: Vec<(std::time::SystemTime, u64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder)?.filter_map(Result::ok) {
        let meta = entry.metadata()?;
        if meta.is_file() {
            all.push((meta.modified()?, meta.len(), entry.path()));
        }
    }
    all.sort_by_key(|file| std::cmp::Reverse(file.0));
    let mut bytes = 0;
    for (n, (_, length, path)) in all.iter().enumerate() {
        bytes += length;
        if n > 0 && (n >= MOST || bytes > MOST_BYTES) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn logs_are_private_and_bounded() {
        let daemon = tempfile::tempdir().unwrap();
        for n in 0..MOST + 3 {
            write_raw(daemon.path(), "a", "s", &format!("2026-01-01T00:00:0{n}Z"), "raw").unwrap();
        }
        write_latest(daemon.path(), "a", "s", "one").unwrap();
        write_latest(daemon.path(), "a", "s", "two").unwrap();
        let folder = daemon.path().join("logs/transcripts");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), MOST);
        let latest = folder.join(format!("{}--latest.log", token("a", "s")));
        assert_eq!(std::fs::read_to_string(&latest).unwrap(), "two");
        assert_eq!(std::fs::metadata(&latest).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
