//! Raw transcripts as they were sent, for who has to look at what a harness really said. Kept within a bound.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use sha2::{Digest, Sha256};

use crate::sys::{files, locks};
use crate::text::hex;

/// Files kept, and bytes of them in all; the oldest go first.
const MOST: usize = 400;
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// What may come above that before the folder is looked through again.
const SLACK: usize = 50;
const SLACK_BYTES: u64 = 16 * 1024 * 1024;

/// What has come since the folder was looked through.
#[derive(Debug, Default)]
struct Since {
    looked: bool,
    files: usize,
    bytes: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Audit {
    folder: PathBuf,
    since: Mutex<Since>,
}

fn token(agent: &str, session: &str) -> String {
    hex(&Sha256::digest(format!("{agent}:{session}").as_bytes()))[..16].to_owned()
}

impl Audit {
    /// In the daemon's own folder.
    pub fn new(daemon: &Path) -> Self {
        Audit { folder: daemon.join("logs/transcripts"), since: Mutex::default() }
    }

    /// What a session sent last.
    pub fn write_latest(&self, agent: &str, session: &str, raw: &str) -> io::Result<()> {
        self.write(&format!("{}--latest.log", token(agent, session)), raw)
    }

    /// What a session had sent when it was captured.
    pub fn write_raw(&self, agent: &str, session: &str, captured_at: &str, raw: &str) -> io::Result<()> {
        let name = format!("{}--{}--raw-transcript.log", captured_at.replace(':', "-"), token(agent, session));
        self.write(&name, raw)
    }

    fn write(&self, name: &str, raw: &str) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = self.folder.join(name);
        let is_new = !path.exists();
        files::rewrite(&path, raw.as_bytes(), 0o600)?;
        let mut since = locks::lock(&self.since);
        since.files += usize::from(is_new);
        since.bytes += raw.len() as u64;
        if !since.looked || since.files >= SLACK || since.bytes >= SLACK_BYTES {
            prune(&self.folder)?;
            *since = Since { looked: true, ..Since::default() };
        }
        Ok(())
    }
}

/// Takes away what is too much. Looks at every file, which is why it is not done at each.
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
        let audit = Audit::new(daemon.path());
        for n in 0..MOST + 2 * SLACK {
            audit.write_raw("a", "s", &format!("2026-01-01T00:00:0{n}Z"), "raw").unwrap();
        }
        audit.write_latest("a", "s", "one").unwrap();
        audit.write_latest("a", "s", "two").unwrap();
        let folder = daemon.path().join("logs/transcripts");
        let kept = std::fs::read_dir(&folder).unwrap().count();
        assert!((MOST..=MOST + SLACK).contains(&kept), "{kept}");
        let latest = folder.join(format!("{}--latest.log", token("a", "s")));
        assert_eq!(std::fs::read_to_string(&latest).unwrap(), "two");
        assert_eq!(std::fs::metadata(&latest).unwrap().permissions().mode() & 0o777, 0o600);
        // another daemon of the folder looks through it first
        Audit::new(daemon.path()).write_raw("b", "s", "2026-01-02T00:00:00Z", "raw").unwrap();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), MOST);
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
