//! The transcript that a hook brings: text in its body, or the path of a file.
//!
//! A path makes the daemon read a file for a client. It must lead to a regular file of a bounded size; callers on
//! other machines may only name files of places where harnesses keep theirs.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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

/// What a hook says of its transcript.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub path: Option<String>,
    pub inline: Option<String>,
    /// The caller is on this machine and may name any file.
    pub from_here: bool,
}

/// A transcript as it was sent.
#[derive(Debug, Clone)]
pub struct Raw {
    pub text: String,
    pub from_file: bool,
}

impl Given {
    /// The file's text where it can be had, else that of the body.
    pub fn read(&self, env: &Environment) -> Option<Raw> {
        let of_file = self.path.as_deref().and_then(|path| match self.open(path, env) {
            Ok(text) => Some(text),
            Err(cause) => {
                log::info!(target: "sessions", "a transcript's file is not read: {cause}");
                None
            }
        });
        match of_file.filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(Raw { text, from_file: true }),
            None => self.inline.clone().map(|text| Raw { text, from_file: false }),
        }
    }

    /// Bytes of the file that is named, if it may be read.
    pub fn file_size(&self, env: &Environment) -> Option<u64> {
        let path = self.path.as_deref()?;
        self.place(path, env)
            .ok()
            .and_then(|path| std::fs::metadata(path).ok())
            .filter(|m| m.is_file())
            .map(|m| m.len())
    }

    /// The real path of a file that this caller may name.
    fn place(&self, path: &str, env: &Environment) -> std::io::Result<PathBuf> {
        let refused = |why: &str| std::io::Error::other(why.to_owned());
        let real = std::fs::canonicalize(expand(path, env))?;
        let daemon = env.daemon_dir();
        let secrets = env.workspace.join(".secrets");
        let own = [&daemon, &secrets].into_iter().filter_map(|folder| std::fs::canonicalize(folder).ok());
        if own.into_iter().any(|folder| real.starts_with(folder)) {
            return Err(refused("it is the daemon's own"));
        }
        if self.from_here || allowed(env).iter().any(|folder| real.starts_with(folder)) {
            Ok(real)
        } else {
            Err(refused("it lies outside the folders that a caller of another machine may name"))
        }
    }

    fn open(&self, path: &str, env: &Environment) -> std::io::Result<String> {
        let place = self.place(path, env)?;
        // no link may have come in the last component's place, and no pipe may hold us up
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
        let file = File::options().read(true).custom_flags(flags.bits() as i32).open(place)?;
        let meta = file.metadata()?;
        if !meta.is_file() || meta.len() > MOST {
            return Err(std::io::Error::other("it is no regular file of at most 64 MiB"));
        }
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

    fn read(path: &Path, from_here: bool, env: &Environment) -> Option<String> {
        let given = Given { path: Some(path.display().to_string()), inline: Some("inline".into()), from_here };
        given.read(env).map(|raw| raw.text)
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
        let (elsewhere, claude, own) = (at("elsewhere"), at(".claude/p/t.jsonl"), at(".agents/.daemon/auth-secret"));
        assert_eq!(read(&elsewhere, true, &env).as_deref(), Some("elsewhere"));
        assert_eq!(read(&elsewhere, false, &env).as_deref(), Some("inline"));
        assert_eq!(read(&claude, false, &env).as_deref(), Some(".claude/p/t.jsonl"));
        assert_eq!(read(&own, true, &env).as_deref(), Some("inline"), "never the daemon's own secrets");
        let link = home.path().join(".claude/link");
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert_eq!(read(&link, false, &env).as_deref(), Some("inline"), "a link is what it leads to");
        let tilde = Given { path: Some("~/.claude/p/t.jsonl".into()), ..Given::default() };
        assert!(tilde.read(&env).unwrap().from_file);
    }

    #[test]
    fn what_is_no_regular_file_counts_as_none() {
        let home = tempfile::tempdir().unwrap();
        let env = env(home.path());
        for odd in ["/dev/zero", "/proc/self/mem", "/", "/nowhere/at/all", ""] {
            assert_eq!(read(Path::new(odd), true, &env).as_deref(), Some("inline"), "{odd}");
        }
        let pipe = home.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(read(&pipe, true, &env).as_deref(), Some("inline"));
    }
}
