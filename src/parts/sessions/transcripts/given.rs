//! The transcript that a hook brings: text in its body, or the path of a file.
//!
//! A path makes the daemon read a file for a client. It must lead to a regular file of a bounded size that is a
//! transcript by its name, and never into what the daemon keeps. Callers on other machines, and those bound to an agent
//! or a project, may only name files of places where harnesses keep theirs.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::normal::normalise;
use crate::config::Environment;

/// Bytes of a transcript's file.
pub const MOST: u64 = 64 * 1024 * 1024;
/// Where clients stage files for the daemon.
const STAGING: &str = "/tmp/signet";
/// Folders of harnesses in a home.
const HARNESS_FOLDERS: [&str; 9] = [
    ".claude",
    ".codex",
    ".openclaw",
    ".pi",
    ".omp",
    ".hermes",
    ".config/opencode",
    ".local/share/opencode",
    ".local/state/opencode",
];

/// How transcripts end; a file of another name is none.
const ENDINGS: [&str; 7] = ["jsonl", "ndjson", "json", "txt", "log", "md", "transcript"];
/// Folders of the workspace that hold what is the daemon's, or other agents'.
const OWN: [&str; 5] = [".daemon", ".secrets", ".git", "memory", "agents"];
/// Folders in which nothing is a file on a disk.
const UNREAL: [&str; 3] = ["/proc", "/sys", "/dev"];

/// What a hook says of its transcript.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub path: Option<String>,
    pub inline: Option<String>,
    /// The caller is on this machine and not bound to an agent or a project: it may name any transcript.
    pub trusted: bool,
}

/// A transcript as it was sent.
#[derive(Debug, Clone)]
pub struct Raw {
    pub text: String,
    pub from_file: bool,
}

impl Given {
    /// The file's text where it can be had.
    pub fn file(&self, env: &Environment) -> Option<Raw> {
        let text = match self.open(self.path.as_deref()?, env) {
            Ok(text) => Some(text),
            Err(cause) => {
                log::info!(target: "sessions", "a transcript's file is not read: {cause}");
                None
            }
        };
        text.map(|text| Raw { text, from_file: true })
    }

    /// The text of the body.
    pub fn body(&self) -> Option<Raw> {
        self.inline.clone().map(|text| Raw { text, from_file: false })
    }

    /// The file's, else the body's: the first in which anybody says anything, with what is said.
    pub fn said(&self, harness: &str, env: &Environment) -> Option<(Raw, String)> {
        let of = |raw: Raw| {
            let said = normalise(harness, &raw.text);
            (!said.is_empty()).then_some((raw, said))
        };
        self.file(env).and_then(of).or_else(|| self.body().and_then(of))
    }

    /// Bytes of the file that is named, if it may be read.
    pub fn file_size(&self, env: &Environment) -> Option<u64> {
        let real = std::fs::canonicalize(expand(self.path.as_deref()?, env)).ok()?;
        self.check(&real, env).ok()?;
        std::fs::metadata(real).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len())
    }

    /// Whether this caller may name a file of a real path.
    fn check(&self, real: &Path, env: &Environment) -> std::io::Result<()> {
        let refused = |why: &str| Err(std::io::Error::other(why.to_owned()));
        let ending = real.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if !ENDINGS.contains(&ending) || UNREAL.iter().any(|folder| real.starts_with(folder)) {
            return refused("it is no transcript by its name");
        }
        let workspace = std::fs::canonicalize(&env.workspace).unwrap_or_else(|_| env.workspace.clone());
        if OWN.iter().any(|folder| real.starts_with(workspace.join(folder))) {
            return refused("it is the daemon's own");
        }
        if self.trusted || allowed(env).iter().any(|folder| real.starts_with(folder)) {
            return Ok(());
        }
        refused("it lies outside the folders that this caller may name")
    }

    fn open(&self, path: &str, env: &Environment) -> std::io::Result<String> {
        let real = std::fs::canonicalize(expand(path, env))?;
        self.check(&real, env)?;
        // no link may have come in the last component's place, and no pipe may hold us up
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
        let file = File::options().read(true).custom_flags(flags.bits() as i32).open(&real)?;
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > MOST {
            return Err(std::io::Error::other("it is no regular file of at most 64 MiB"));
        }
        // a folder may have been exchanged since: what counts is what was opened
        self.check(&std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?, env)?;
        let mut bytes = Vec::with_capacity(meta.len() as usize);
        file.take(MOST).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn expand(path: &str, env: &Environment) -> PathBuf {
    match (path.strip_prefix("~/"), env.variable("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(rest),
        _ => PathBuf::from(path),
    }
}

/// The folders that callers of other machines may name files in.
fn allowed(env: &Environment) -> Vec<PathBuf> {
    let home = env.variable("HOME").map(PathBuf::from);
    let of_harnesses = home.iter().flat_map(|home| HARNESS_FOLDERS.iter().map(move |folder| home.join(folder)));
    let all = [PathBuf::from(STAGING), env.workspace.clone()].into_iter().chain(of_harnesses);
    all.filter_map(|folder| std::fs::canonicalize(folder).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;

    fn env(home: &Path) -> Environment {
        let home = home.display().to_string();
        Environment::read(&Overrides::default(), move |name| (name == "HOME").then(|| home.clone())).unwrap()
    }

    fn read(path: &Path, trusted: bool, env: &Environment) -> Option<String> {
        let given = Given { path: Some(path.display().to_string()), inline: Some("inline".into()), trusted };
        given.said("pi", env).map(|(raw, _)| raw.text)
    }

    #[test]
    fn a_file_is_read_where_its_caller_may_name_it() {
        let home = tempfile::tempdir().unwrap();
        let env = env(home.path());
        let at = |name: &str| {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, name).unwrap();
            path
        };
        let (elsewhere, claude, own) = (at("elsewhere.txt"), at(".claude/p/t.jsonl"), at(".agents/.daemon/x.json"));
        assert_eq!(read(&elsewhere, true, &env).as_deref(), Some("elsewhere.txt"));
        assert_eq!(read(&elsewhere, false, &env).as_deref(), Some("inline"));
        assert_eq!(read(&claude, false, &env).as_deref(), Some(".claude/p/t.jsonl"));
        assert_eq!(read(&own, true, &env).as_deref(), Some("inline"), "never the daemon's own secrets");
        let link = home.path().join(".claude/link.txt");
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert_eq!(read(&link, false, &env).as_deref(), Some("inline"), "a link is what it leads to");
        let tilde = Given { path: Some("~/.claude/p/t.jsonl".into()), ..Given::default() };
        assert!(tilde.file(&env).unwrap().from_file);
        for own in ["memory/pi/transcripts/t.jsonl", "agents/bob/MEMORY.md", ".secrets/a.json"] {
            assert_eq!(read(&at(&format!(".agents/{own}")), true, &env).as_deref(), Some("inline"), "{own}");
        }
        assert_eq!(read(&at(".claude/settings"), true, &env).as_deref(), Some("inline"), "no transcript by its name");
    }

    #[test]
    fn what_is_no_regular_file_counts_as_none() {
        let home = tempfile::tempdir().unwrap();
        let env = env(home.path());
        for odd in ["/dev/zero", "/proc/self/mem", "/", "/nowhere/at/all.txt", ""] {
            assert_eq!(read(Path::new(odd), true, &env).as_deref(), Some("inline"), "{odd}");
        }
        let pipe = home.path().join("pipe.txt");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(read(&pipe, true, &env).as_deref(), Some("inline"));
    }
}
